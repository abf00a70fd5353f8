// The kernel of test/Target/Systolic/kernel.mlir in sequential form: the scheduler
// finds the times and semaphores that were found by hand there.

// RUN: espalier-opt %s --systolic-schedule=machine=systolic-16-edge > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: espalier-as %t.mlir -o %t.bin
// RUN: espalier-dis %t.bin | espalier-opt --verify-each > /dev/null
// RUN: espalier-sim %t.bin --machine systolic-16-edge --json --output y=%t.y | FileCheck %s --check-prefix=REPORT
// RUN: od -An -v -tf4 -w16 %t.y | FileCheck %s --check-prefix=Y --match-full-lines
// RUN: espalier-sim %t.bin --machine systolic-16-edge --mode elastic --output y=%t.elastic && cmp %t.y %t.elastic

// CHECK-LABEL: systolic.program @linear_relu array 16 x 16 rows 1 {
// CHECK: systolic.symbol @xs = @x + 0
// CHECK: systolic.queue dma_in {
// CHECK: systolic.load dt 0 %ws to %{{.*}} : !dram_8x4xbf16_s8, !sp_8x4xbf16_s1
// CHECK-NEXT: systolic.signal dt 0
// CHECK: systolic.queue dma_out {
// CHECK: systolic.wait
// CHECK: systolic.store
// CHECK: systolic.queue array {
// CHECK: systolic.matmul {{.*}} swap accumulate
// CHECK: systolic.queue vector_a {
// CHECK: systolic.mark {{.*}} "epilogue"
// CHECK: systolic.map {{.*}} relu
// CHECK-NOT: systolic.queue vector_b

// REPORT: "cycles": 233
// Y: {{ *}}1 {{ *}}0 {{ *}}0 {{ *}}5
// Y-NEXT: {{ *}}5 {{ *}}1 {{ *}}12 {{ *}}0
// Y-NEXT: {{ *}}0 {{ *}}0 {{ *}}12 {{ *}}3
// Y-NEXT: {{ *}}3 {{ *}}3 {{ *}}0 {{ *}}0

!w_dram = !systolic.buffer<dram, 8x4xbf16, stride 8>
!w_tile = !systolic.buffer<scratchpad, 8x4xbf16, stride 1>
!x_dram = !systolic.buffer<dram, 4x8xbf16, stride 64>
!x_tile = !systolic.buffer<scratchpad, 4x8xbf16, stride 1>
!sums = !systolic.buffer<accumulator, 4x4xf32, stride 1>
!row = !systolic.buffer<scratchpad, 1x4xf32, stride 1>
!result = !systolic.buffer<scratchpad, 4x4xf32, stride 1>

systolic.sequence @linear_relu array 16 x 16 rows 1 {
  systolic.region @x weights 256 = dense<[
    [-2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1.],
    [-1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0.],
    [0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1.],
    [1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2., -2., -1., 0., 1., 2.]]> : tensor<4x32xbf16>
  systolic.region @w weights 256 = dense<[
    [-3., -2., -1., 0.], [0., 1., 2., 3.], [3., -3., -2., -1.], [-1., 0., 1., 2.],
    [2., 3., -3., -2.], [-2., -1., 0., 1.], [1., 2., 3., -3.], [-3., -2., -1., 0.],
    [0., 1., 2., 3.], [3., -3., -2., -1.], [-1., 0., 1., 2.], [2., 3., -3., -2.],
    [-2., -1., 0., 1.], [1., 2., 3., -3.], [-3., -2., -1., 0.], [0., 1., 2., 3.],
    [3., -3., -2., -1.], [-1., 0., 1., 2.], [2., 3., -3., -2.], [-2., -1., 0., 1.],
    [1., 2., 3., -3.], [-3., -2., -1., 0.], [0., 1., 2., 3.], [3., -3., -2., -1.],
    [-1., 0., 1., 2.], [2., 3., -3., -2.], [-2., -1., 0., 1.], [1., 2., 3., -3.],
    [-3., -2., -1., 0.], [0., 1., 2., 3.], [3., -3., -2., -1.], [-1., 0., 1., 2.]]> : tensor<32x4xbf16>
  systolic.region @bias weights 16 = dense<[1., -2., 3., 0.]> : tensor<4xf32>
  systolic.region @y output 64
  systolic.symbol @xs = @x + 0
  systolic.symbol @ws = @w + 0
  systolic.symbol @b = @bias + 0
  systolic.symbol @ys = @y + 0

  %w_even = systolic.at 0 : !w_tile
  %w_odd = systolic.at 8 : !w_tile
  %x_even = systolic.at 4096 : !x_tile
  %x_odd = systolic.at 4100 : !x_tile
  %bias = systolic.at 8192 : !row
  %biased = systolic.at 12288 : !result
  %relu = systolic.at 8208 : !result
  %sums = systolic.at 0 : !sums

  %w0 = systolic.dram @ws + 0 : !w_dram
  %w1 = systolic.dram @ws + 4 : !w_dram
  %w2 = systolic.dram @ws + 8 : !w_dram
  %w3 = systolic.dram @ws + 12 : !w_dram
  %x0 = systolic.dram @xs + 0 : !x_dram
  %x1 = systolic.dram @xs + 1 : !x_dram
  %x2 = systolic.dram @xs + 2 : !x_dram
  %x3 = systolic.dram @xs + 3 : !x_dram
  %b = systolic.dram @b + 0 : !systolic.buffer<dram, 1x4xf32, stride 16>

  systolic.load %w0 to %w_even : !w_dram, !w_tile
  systolic.load %x0 to %x_even : !x_dram, !x_tile
  systolic.load_weights %w_even : !w_tile
  systolic.matmul swap %x_even into %sums : !x_tile, !sums
  systolic.load %w1 to %w_odd : !w_dram, !w_tile
  systolic.load %x1 to %x_odd : !x_dram, !x_tile
  systolic.load_weights %w_odd : !w_tile
  systolic.matmul swap accumulate %x_odd into %sums : !x_tile, !sums
  systolic.load %w2 to %w_even : !w_dram, !w_tile
  systolic.load %x2 to %x_even : !x_dram, !x_tile
  systolic.load_weights %w_even : !w_tile
  systolic.matmul swap accumulate %x_even into %sums : !x_tile, !sums
  systolic.load %w3 to %w_odd : !w_dram, !w_tile
  systolic.load %x3 to %x_odd : !x_dram, !x_tile
  systolic.load_weights %w_odd : !w_tile
  systolic.matmul swap accumulate %x_odd into %sums : !x_tile, !sums
  systolic.load %b to %bias : !systolic.buffer<dram, 1x4xf32, stride 16>, !row
  systolic.mark on vector_a "epilogue"
  systolic.binary on a add %sums, row %bias to %biased : !sums, !row to !result
  systolic.map on a relu %biased to %relu : !result, !result
  %y = systolic.dram @ys + 0 : !systolic.buffer<dram, 4x4xf32, stride 16>
  systolic.store %relu to %y : !result, !systolic.buffer<dram, 4x4xf32, stride 16>
}
