// A kernel written by hand: relu(x w + bias), x 4 x 32, w 32 x 4, in four tiles of
// eight k on an array of 16 x 16. While a tile is multiplied the next one comes
// from DRAM into the other half of a double buffer: a tile of w is overwritten as
// soon as it is in the array, a tile of x when it has been read.
//
//   cycle     0    50   67   83   103  119  139      170  175  180      234
//   DMA in    w0 x0 w1 x1  w2   x2 w3   x3 bias
//   array          |w0 ...|x0       |x1         |x2      |x3
//   weights        |w0    |w1       |w2     |w3
//   vector a                                              + bias, relu
//   DMA out                                                          store
//
// L = 16 cycles to load a tile of weights; a product of 4 rows is written from
// the 30th cycle after its issue on; DRAM has a latency of 50 cycles.

// RUN: espalier-as %s -o %t.bin
// RUN: espalier-sim %t.bin --machine systolic-16-edge --json --output y=%t.y | FileCheck %s --check-prefix=REPORT
// RUN: od -An -v -tf4 -w16 %t.y | FileCheck %s --check-prefix=Y --match-full-lines
// RUN: espalier-sim %t.bin --machine systolic-16-edge --mode elements --output y=%t.elements && cmp %t.y %t.elements
// RUN: espalier-sim %t.bin --machine systolic-16-edge --mode elastic --output y=%t.elastic && cmp %t.y %t.elastic

// The store issues in cycle 180, moves 4 rows and is complete 50 cycles later.
// REPORT: "cycles": 234

// The scheduler makes a program of 233 cycles of the same instructions in
// sequence: test/Lowering/Systolic/schedule.mlir.

// Y: {{ *}}1 {{ *}}0 {{ *}}0 {{ *}}5
// Y-NEXT: {{ *}}5 {{ *}}1 {{ *}}12 {{ *}}0
// Y-NEXT: {{ *}}0 {{ *}}0 {{ *}}12 {{ *}}3
// Y-NEXT: {{ *}}3 {{ *}}3 {{ *}}0 {{ *}}0

// A tile that is loaded one cycle too early is read before it is there.
// RUN: sed 's/wait dt 51 %loaded/wait dt 50 %loaded/' %s > %t.early.mlir && espalier-as %t.early.mlir -o %t.early
// RUN: not espalier-sim %t.early --machine systolic-16-edge 2>&1 | FileCheck %s --check-prefix=EARLY
// EARLY: error: {{.*}}LOAD_WEIGHTS

!w_dram = !systolic.buffer<dram, 8x4xbf16, stride 8>
!w_tile = !systolic.buffer<scratchpad, 8x4xbf16, stride 1>
!x_dram = !systolic.buffer<dram, 4x8xbf16, stride 64>
!x_tile = !systolic.buffer<scratchpad, 4x8xbf16, stride 1>
!sums = !systolic.buffer<accumulator, 4x4xf32, stride 1>
!row = !systolic.buffer<scratchpad, 1x4xf32, stride 1>
!result = !systolic.buffer<scratchpad, 4x4xf32, stride 1>

systolic.program @linear_relu array 16 x 16 rows 1 {
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

  %loaded = systolic.semaphore
  %free = systolic.semaphore
  %ready = systolic.semaphore
  %product = systolic.semaphore
  %done = systolic.semaphore

  // Each in a bank of its own: 4096 granules.
  %w_even = systolic.at 0 : !w_tile
  %w_odd = systolic.at 8 : !w_tile
  %x_even = systolic.at 4096 : !x_tile
  %x_odd = systolic.at 4100 : !x_tile
  %bias = systolic.at 8192 : !row
  %biased = systolic.at 12288 : !result
  %relu = systolic.at 8208 : !result
  %sums = systolic.at 0 : !sums

  systolic.queue dma_in {
    %w0 = systolic.dram @ws + 0 : !w_dram
    %w1 = systolic.dram @ws + 4 : !w_dram
    %w2 = systolic.dram @ws + 8 : !w_dram
    %w3 = systolic.dram @ws + 12 : !w_dram
    %x0 = systolic.dram @xs + 0 : !x_dram
    %x1 = systolic.dram @xs + 1 : !x_dram
    %x2 = systolic.dram @xs + 2 : !x_dram
    %x3 = systolic.dram @xs + 3 : !x_dram
    %b = systolic.dram @b + 0 : !systolic.buffer<dram, 1x4xf32, stride 16>
    // 64 bytes at 16 a cycle: four cycles of the bus each.
    systolic.load dt 0 %w0 to %w_even : !w_dram, !w_tile
    systolic.signal dt 0 %loaded
    systolic.load dt 4 %x0 to %x_even : !x_dram, !x_tile
    systolic.signal dt 0 %loaded
    systolic.load dt 4 %w1 to %w_odd : !w_dram, !w_tile
    systolic.signal dt 0 %loaded
    systolic.load dt 4 %x1 to %x_odd : !x_dram, !x_tile
    systolic.signal dt 0 %loaded
    // Cycle 52: the array has begun to take w0; 68: it reads x0, and so on.
    systolic.wait dt 40 %free count 1
    systolic.load dt 0 %w2 to %w_even : !w_dram, !w_tile
    systolic.signal dt 0 %loaded
    systolic.wait dt 16 %free count 1
    systolic.load dt 0 %x2 to %x_even : !x_dram, !x_tile
    systolic.signal dt 0 %loaded
    systolic.wait dt 4 %free count 1
    systolic.load dt 0 %w3 to %w_odd : !w_dram, !w_tile
    systolic.signal dt 0 %loaded
    systolic.wait dt 12 %free count 1
    systolic.load dt 0 %x3 to %x_odd : !x_dram, !x_tile
    systolic.signal dt 0 %loaded
    systolic.load dt 4 %b to %bias : !systolic.buffer<dram, 1x4xf32, stride 16>, !row
    systolic.signal dt 0 %ready
    systolic.end dt 0
  }

  systolic.queue array {
    // Rows 0 and 1 of w0 are written in cycle 50.
    systolic.wait dt 51 %loaded count 1
    systolic.load_weights dt 0 %w_even : !w_tile
    systolic.signal dt 0 %free
    systolic.wait dt 16 %loaded count 1
    systolic.matmul dt 0 swap %x_even into %sums : !x_tile, !sums
    systolic.signal dt 0 %free
    // Cycle 67: the next weights begin to load as the swap frees their plane.
    systolic.wait dt 0 %loaded count 1
    systolic.load_weights dt 0 %w_odd : !w_tile
    systolic.signal dt 0 %free
    systolic.wait dt 16 %loaded count 1
    systolic.matmul dt 0 swap accumulate %x_odd into %sums : !x_tile, !sums
    systolic.signal dt 0 %free
    // w2 was asked for in cycle 52 and is there in 102; x2 in 118; w3 in 122.
    systolic.wait dt 20 %loaded count 1
    systolic.load_weights dt 0 %w_even : !w_tile
    systolic.wait dt 16 %loaded count 1
    systolic.matmul dt 0 swap accumulate %x_even into %sums : !x_tile, !sums
    systolic.wait dt 4 %loaded count 1
    systolic.load_weights dt 0 %w_odd : !w_tile
    systolic.wait dt 16 %loaded count 1
    systolic.matmul dt 0 swap accumulate %x_odd into %sums : !x_tile, !sums
    systolic.signal dt 0 %product
    systolic.end dt 0
  }

  systolic.queue vector_a {
    // Row j of the last product is written in cycle 139 + 30 + j.
    systolic.wait dt 170 %product count 1
    systolic.wait dt 0 %ready count 1
    systolic.binary dt 0 add %sums, row %bias to %biased : !sums, !row to !result
    // Four cycles later, and one more: then it may be read.
    systolic.map dt 5 relu %biased to %relu : !result, !result
    systolic.signal dt 0 %done
    systolic.end dt 0
  }

  systolic.queue dma_out {
    systolic.wait dt 180 %done count 1
    %y = systolic.dram @ys + 0 : !systolic.buffer<dram, 4x4xf32, stride 16>
    systolic.store dt 0 %relu to %y : !result, !systolic.buffer<dram, 4x4xf32, stride 16>
    systolic.end dt 0
  }
}
