// RUN: espalier-opt %s | FileCheck %s

// CHECK-LABEL: @dot_u8s8
// CHECK: cpu.dot_u8s8 %{{.*}}, %{{.*}}, %{{.*}} : vector<16xi32>, vector<64xi8>
func.func @dot_u8s8(%acc: vector<16xi32>, %u: vector<64xi8>, %s: vector<64xi8>) -> vector<16xi32> {
  %r = cpu.dot_u8s8 %acc, %u, %s : vector<16xi32>, vector<64xi8>
  return %r : vector<16xi32>
}

// CHECK-LABEL: @expect
// CHECK: cpu.expect %{{.*}}, %{{.*}} {lines = 24 : i64, window = 128 : i64} : memref<?x4xf32, strided<[4, 1], offset: ?>>, memref<3x4xf32>
func.func @expect(%a: memref<?x4xf32, strided<[4, 1], offset: ?>>, %b: memref<3x4xf32>) {
  cpu.expect %a, %b {lines = 24 : i64, window = 128 : i64} : memref<?x4xf32, strided<[4, 1], offset: ?>>, memref<3x4xf32>
  return
}
