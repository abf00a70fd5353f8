// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s

module attributes {xf.order = #xf.order<cpu, 2>} {
  // CHECK: @for result 0: 12
  func.func @for() -> index {
    %zero = arith.constant 0 : index
    %seven = arith.constant 7 : index
    %two = arith.constant 2 : index
    %s = scf.for %i = %zero to %seven step %two iter_args(%a = %zero) -> index {
      %b = arith.addi %a, %i : index
      scf.yield %b : index
    }
    return %s : index
  }

  // CHECK: @if result 0: 1
  func.func @if(%n: index {xf.value = 5}) -> index {
    %one = arith.constant 1 : index
    %two = arith.constant 2 : index
    %less = arith.cmpi slt, %two, %n : index
    %r = scf.if %less -> index {
      scf.yield %one : index
    } else {
      scf.yield %two : index
    }
    return %r : index
  }

  // CHECK: @switch result 0: 30
  func.func @switch(%n: index {xf.value = 7}) -> i64 {
    %r = scf.index_switch %n -> i64
    case 3 {
      %c = arith.constant 10 : i64
      scf.yield %c : i64
    }
    case 7 {
      %c = arith.constant 30 : i64
      scf.yield %c : i64
    }
    default {
      %c = arith.constant 0 : i64
      scf.yield %c : i64
    }
    return %r : i64
  }

  // CHECK: @affine result 0: 11
  // CHECK: @affine result 1: 3
  // CHECK: @affine result 2: 5
  func.func @affine(%n: index {xf.value = 5}) -> (index, index, index) {
    %a = affine.apply affine_map<(d0) -> (d0 * 2 + 1)>(%n)
    %b = affine.min affine_map<(d0) -> (d0, 3)>(%n)
    %c = affine.max affine_map<(d0)[s0] -> (d0 ceildiv 2, s0)>(%n)[%n]
    return %a, %b, %c : index, index, index
  }

  // CHECK: @table result 0: -4
  func.func @table(%n: index {xf.value = 2}) -> index {
    %t = arith.constant dense<[1, 2, -4]> : tensor<3xi64>
    %e = tensor.extract %t[%n] : tensor<3xi64>
    %i = arith.index_cast %e : i64 to index
    return %i : index
  }
}
