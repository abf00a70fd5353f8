// RUN: espalier-opt %s --split-input-file --allow-unregistered-dialect --xf-lower-repeat | FileCheck %s

// One kind: the layer is its own number.
// CHECK-LABEL: func.func @one_kind
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
func.func @one_kind(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK-DAG: %[[ZERO:.*]] = arith.constant 0 : index
  // CHECK-DAG: %[[LAYERS:.*]] = arith.constant 3 : index
  // CHECK: scf.for %[[LAYER:[a-z0-9_]+]] = %[[ZERO]] to %[[LAYERS]] {{.*}} iter_args(%{{.*}} = %[[X]])
  // CHECK-NOT: scf.index_switch
  // CHECK: "test.layer"(%[[LAYER]], %[[LAYER]],
  // CHECK: scf.yield
  %y = xf.repeat kinds [0, 0, 0] iter(%x : tensor<?x8xf32>) {
  ^bb0(%layer: index, %i: index, %h: tensor<?x8xf32>):
    %z = "test.layer"(%layer, %i, %h) : (index, index, tensor<?x8xf32>) -> tensor<?x8xf32>
    xf.yield %z : tensor<?x8xf32>
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Two kinds: a table gives the kind of a layer, another its number among the
// layers of that kind.
// CHECK-LABEL: func.func @two_kinds
func.func @two_kinds(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: scf.for %[[LAYER:[a-z0-9_]+]] =
  // CHECK: arith.constant dense<[0, 0, 1, 1]> : tensor<4xi64>
  // CHECK: tensor.extract %{{.*}}[%[[LAYER]]]
  // CHECK: %[[NUMBER:.*]] = arith.index_cast
  // CHECK: arith.constant dense<[0, 1, 0, 1]> : tensor<4xi64>
  // CHECK: %[[KIND:.*]] = arith.index_cast
  // CHECK: scf.index_switch %[[KIND]]
  // CHECK: case 1
  // CHECK: "test.second"(%[[LAYER]], %[[NUMBER]],
  // CHECK: default
  // CHECK: "test.first"(%[[LAYER]], %[[NUMBER]],
  %y = xf.repeat kinds [0, 1, 0, 1] iter(%x : tensor<?x8xf32>) {
  ^bb0(%layer: index, %i: index, %h: tensor<?x8xf32>):
    %z = "test.first"(%layer, %i, %h) : (index, index, tensor<?x8xf32>) -> tensor<?x8xf32>
    xf.yield %z : tensor<?x8xf32>
  }, {
  ^bb0(%layer: index, %i: index, %h: tensor<?x8xf32>):
    %z = "test.second"(%layer, %i, %h) : (index, index, tensor<?x8xf32>) -> tensor<?x8xf32>
    xf.yield %z : tensor<?x8xf32>
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
