// RUN: espalier-opt %s --xf-evaluate -o /dev/null | FileCheck %s
// RUN: espalier-opt %s --xf-lower-repeat --xf-evaluate -o /dev/null | FileCheck %s

// Four layers of two kinds; each adds ten times its layer, and its number among
// the layers of its kind, or a hundred times that.
module attributes {xf.order = #xf.order<cpu, 2>} {
  // CHECK: @repeat result 0: 161
  func.func @repeat() -> index {
    %zero = arith.constant 0 : index
    %y = xf.repeat kinds [0, 1, 0, 1] iter(%zero : index) {
    ^bb0(%layer: index, %i: index, %s: index):
      %ten = arith.constant 10 : index
      %a = arith.muli %layer, %ten : index
      %b = arith.addi %a, %i : index
      %c = arith.addi %s, %b : index
      xf.yield %c : index
    }, {
    ^bb0(%layer: index, %i: index, %s: index):
      %ten = arith.constant 10 : index
      %hundred = arith.constant 100 : index
      %a = arith.muli %layer, %ten : index
      %b = arith.muli %i, %hundred : index
      %c = arith.addi %a, %b : index
      %d = arith.addi %s, %c : index
      xf.yield %d : index
    } -> index
    return %y : index
  }
}
