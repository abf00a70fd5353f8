// RUN: espalier-opt %s | espalier-opt | FileCheck %s
// RUN: espalier-opt %s --mlir-print-op-generic | espalier-opt | FileCheck %s

// One of each instruction, in the scheduled form.

// CHECK: !acc_16x16xf32_s4 = !systolic.buffer<accumulator, 16x16xf32, stride 4>

// CHECK-LABEL: systolic.program @all array 16 x 16 rows 16 {
systolic.program @all array 16 x 16 rows 16 {
  // CHECK-NEXT: systolic.region @weights weights 16 = dense<1.000000e+00> : tensor<4xf32>
  systolic.region @weights weights 16 = dense<1.0> : tensor<4xf32>
  // CHECK-NEXT: systolic.region @cache cache 65536
  systolic.region @cache cache 65536
  // CHECK-NEXT: systolic.symbol @one = @weights + 0
  systolic.symbol @one = @weights + 0
  // CHECK-NEXT: systolic.symbol @layers = @cache + 0, @cache + 4096
  systolic.symbol @layers = @cache + 0, @cache + 4096
  // CHECK-NEXT: %[[SEM:.*]] = systolic.semaphore
  %ready = systolic.semaphore
  // CHECK-NEXT: %[[X:.*]] = systolic.at 0 : !sp_16x16xbf16_s2
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %f = systolic.at 64 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %row = systolic.at 64 : !systolic.buffer<scratchpad, 1x16xf32, stride 4>
  %column = systolic.at 64 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %best = systolic.at 200 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %table = systolic.at 300 : !systolic.buffer<scratchpad, 16x8xf32, stride 2>
  %acc = systolic.at 0 : !systolic.buffer<accumulator, 16x16xf32, stride 4>
  // CHECK: systolic.queue dma_in {
  systolic.queue dma_in {
    %a = systolic.dram @one + 0 : !systolic.buffer<dram, 1x4xf32, stride 16>
    %b = systolic.at 500 : !systolic.buffer<scratchpad, 1x4xbf16, stride 1>
    // CHECK: systolic.load dt 0 %one to %sp500 : !dram_1x4xf32_s16, !sp_1x4xbf16_s1
    systolic.load dt 0 %a to %b : !systolic.buffer<dram, 1x4xf32, stride 16>, !systolic.buffer<scratchpad, 1x4xbf16, stride 1>
    // CHECK-NEXT: systolic.repeat dt 70000 times 2 from 0 {
    systolic.repeat dt 70000 times 2 from 0 {
      %c = systolic.dram @layers + 4 : !systolic.buffer<dram, 1x8xq4_0, stride 144>
      %d = systolic.at 600 : !systolic.buffer<scratchpad, 32x8xbf16, stride 1>
      // CHECK: systolic.load dt 1 %{{.*}} to %{{.*}} limit 32 : !dram_1x8xq4_0_s144, !sp_32x8xbf16_s1
      systolic.load dt 1 %c to %d limit 32 : !systolic.buffer<dram, 1x8xq4_0, stride 144>, !systolic.buffer<scratchpad, 32x8xbf16, stride 1>
      %e = systolic.dram @layers + 0 : !systolic.buffer<dram, 16x16xbf16, stride 32>
      // CHECK: systolic.gather dt 50 %{{.*}} rows cache_row 0 to %[[X]] : !dram_16x16xbf16_s32, !sp_16x16xbf16_s2
      systolic.gather dt 50 %e rows cache_row 0 to %x : !systolic.buffer<dram, 16x16xbf16, stride 32>, !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
      // CHECK-NEXT: systolic.signal dt 0 %[[SEM]]
      systolic.signal dt 0 %ready
      // CHECK-NEXT: systolic.end_repeat dt 149
      systolic.end_repeat dt 149
    }
    // CHECK: systolic.end dt 0
    systolic.end dt 0
  }
  systolic.queue dma_out {
    systolic.repeat dt 70000 times 2 from 0 {
      %e = systolic.dram @layers + 0 : !systolic.buffer<dram, 16x16xbf16, stride 32>
      // CHECK: systolic.store dt 190 %[[X]] to %{{.*}} : !sp_16x16xbf16_s2, !dram_16x16xbf16_s32
      systolic.store dt 190 %x to %e : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<dram, 16x16xbf16, stride 32>
      // CHECK-NEXT: systolic.scatter dt 4 %[[X]] to %{{.*}} rows cache_row 0 : !sp_16x16xbf16_s2, !dram_16x16xbf16_s32
      systolic.scatter dt 4 %x to %e rows cache_row 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<dram, 16x16xbf16, stride 32>
      systolic.end_repeat dt 6
    }
    systolic.end dt 0
  }
  systolic.queue array {
    systolic.repeat dt 70000 times 2 from 0 {
      // CHECK: systolic.wait dt 100 %[[SEM]] count 1
      systolic.wait dt 100 %ready count 1
      // CHECK-NEXT: systolic.load_weights dt 0 %[[X]] : !sp_16x16xbf16_s2
      systolic.load_weights dt 0 %x : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
      // CHECK-NEXT: systolic.matmul dt 16 swap %[[X]] into %[[ACC:.*]] : !sp_16x16xbf16_s2, !acc_16x16xf32_s4
      systolic.matmul dt 16 swap %x into %acc : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
      // CHECK-NEXT: systolic.load_weights dt 0 transposed %[[X]] : !sp_16x16xbf16_s2
      systolic.load_weights dt 0 transposed %x : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
      // CHECK-NEXT: systolic.matmul dt 16 swap accumulate %[[X]] into %[[ACC]]
      systolic.matmul dt 16 swap accumulate %x into %acc : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
      // CHECK-NEXT: systolic.matmul_os dt 46 accumulate %[[X]], %[[X]] into %[[ACC]] : !sp_16x16xbf16_s2, !sp_16x16xbf16_s2, !acc_16x16xf32_s4
      systolic.matmul_os dt 46 accumulate %x, %x into %acc : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
      systolic.end_repeat dt 22
    }
    systolic.end dt 0
  }
  systolic.queue vector_a {
    systolic.repeat dt 70000 times 2 from 0 {
      // CHECK: systolic.mark dt 0 "everything"
      systolic.mark dt 0 "everything"
      // CHECK-NEXT: systolic.map dt 9 silu %[[ACC]] to %[[F:.*]] : !acc_16x16xf32_s4, !sp_16x16xf32_s4
      systolic.map dt 9 silu %acc to %f : !systolic.buffer<accumulator, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      // CHECK-NEXT: systolic.binary dt 16 add %[[F]], %[[F]] to %[[ACC]] : !sp_16x16xf32_s4, !sp_16x16xf32_s4 to !acc_16x16xf32_s4
      systolic.binary dt 16 add %f, %f to %acc : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<accumulator, 16x16xf32, stride 4>
      // CHECK-NEXT: systolic.binary dt 16 subtract %[[F]], row %[[ROW:.*]] to %[[F]]
      systolic.binary dt 16 subtract %f, row %row to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 1x16xf32, stride 4> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      // CHECK-NEXT: systolic.binary dt 16 divide %[[F]], column %[[COLUMN:.*]] to %[[F]]
      systolic.binary dt 16 divide %f, column %column to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x1xf32, stride 1> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      // CHECK-NEXT: systolic.binary dt 16 multiply %[[F]], constant -1.250000e-01 to %[[F]] : !sp_16x16xf32_s4 to !sp_16x16xf32_s4
      systolic.binary dt 16 multiply %f, constant -0.125 to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      // CHECK-NEXT: systolic.binary dt 16 maximum %[[F]], constant 0xFF800000 to %[[F]]
      systolic.binary dt 16 maximum %f, constant 0xFF800000 to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      systolic.end_repeat dt 111
    }
    systolic.end dt 0
  }
  systolic.queue vector_b {
    systolic.repeat dt 70000 times 2 from 0 {
      // CHECK: systolic.reduce dt 50 squares %[[F]] to %[[COLUMN]] : !sp_16x16xf32_s4, !sp_16x1xf32_s1
      systolic.reduce dt 50 squares %f to %column : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x1xf32, stride 1>
      // CHECK-NEXT: systolic.mask dt 50 %[[F]] key 128 to %[[F]] : !sp_16x16xf32_s4, !sp_16x16xf32_s4
      systolic.mask dt 50 %f key 128 to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      // CHECK-NEXT: systolic.mask dt 50 %[[F]] key 128 window 512 to %[[F]]
      systolic.mask dt 50 %f key 128 window 512 to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      // CHECK-NEXT: systolic.rope dt 20 %[[F]] heads 8, %{{.*}} to %[[F]] : !sp_16x16xf32_s4, !sp_16x8xf32_s2, !sp_16x16xf32_s4
      systolic.rope dt 20 %f heads 8, %table to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x8xf32, stride 2>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      // CHECK-NEXT: systolic.argmax dt 20 accumulate %[[ACC]] column 16 to %{{.*}} : !acc_16x16xf32_s4, !sp_16x2xf32_s1
      systolic.argmax dt 20 accumulate %acc column 16 to %best : !systolic.buffer<accumulator, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x2xf32, stride 1>
      // CHECK-NEXT: systolic.delay dt 5 1
      systolic.delay dt 5 1
      systolic.end_repeat dt 4
    }
    systolic.end dt 0
  }
}

// Sequential: no times, and vector units by name.

// CHECK-LABEL: systolic.sequence @sequence array 16 x 16 rows 1 {
systolic.sequence @sequence array 16 x 16 rows 1 {
  systolic.region @data arena 1024
  systolic.symbol @x = @data + 0
  %x = systolic.dram @x + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %f = systolic.at 64 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  // CHECK: systolic.mark on dma_in "begin"
  systolic.mark on dma_in "begin"
  // CHECK-NEXT: systolic.load %{{.*}} to %{{.*}} : !dram_16x16xf32_s64, !sp_16x16xf32_s4
  systolic.load %x to %f : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  // CHECK-NEXT: systolic.repeat times 3 from 0 {
  systolic.repeat times 3 from 0 {
    // CHECK-NEXT: systolic.map on b relu
    systolic.map on b relu %f to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
    // CHECK-NEXT: }
  }
}
