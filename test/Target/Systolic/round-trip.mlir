// What is taken apart is put together to the same bytes, and those are taken
// apart to the same text.
// RUN: espalier-as %s -o %t.bin && espalier-dis %t.bin -o %t.mlir
// RUN: espalier-as %t.mlir > %t2.bin && cmp %t.bin %t2.bin
// RUN: espalier-dis %t2.bin > %t2.mlir && cmp %t.mlir %t2.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: espalier-opt %t.mlir | FileCheck %s

// Symbols have no names in the binary form, and a `dt` of more than 16 bits is
// a DELAY.
// CHECK-LABEL: systolic.program @program array 16 x 16 rows 16 {
// CHECK-NEXT: systolic.region @weights weights 16 = dense<[0, 0, -128, 63, 0, 0, -128, 63, 0, 0, -128, 63, 0, 0, -128, 63]> : tensor<16xi8>
// CHECK-NEXT: systolic.region @cache cache 65536
// CHECK-NEXT: systolic.symbol @s0 = @weights + 0
// CHECK-NEXT: systolic.symbol @s1 = @cache + 0, @cache + 4096
// CHECK-NEXT: %[[SEM:.*]] = systolic.semaphore
// CHECK-NEXT: systolic.queue dma_in {
// CHECK-NEXT: %[[S0:.*]] = systolic.dram @s0 + 0
// CHECK-NEXT: %[[SP:.*]] = systolic.at 500
// CHECK-NEXT: systolic.load dt 0 %[[S0]] to %[[SP]] :
// CHECK-NEXT: systolic.delay dt 0 70000
// CHECK-NEXT: systolic.repeat dt 0 times 2 from 0 {
// CHECK: systolic.binary dt 16 maximum %{{.*}}, constant 0xFF800000 to
// CHECK: systolic.argmax dt 20 accumulate %{{.*}} column 16 to

systolic.program @all array 16 x 16 rows 16 {
  systolic.region @weights weights 16 = dense<1.0> : tensor<4xf32>
  systolic.region @cache cache 65536
  systolic.symbol @one = @weights + 0
  systolic.symbol @layers = @cache + 0, @cache + 4096
  %ready = systolic.semaphore
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %f = systolic.at 64 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %row = systolic.at 64 : !systolic.buffer<scratchpad, 1x16xf32, stride 4>
  %column = systolic.at 64 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %best = systolic.at 200 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %table = systolic.at 300 : !systolic.buffer<scratchpad, 16x8xf32, stride 2>
  %acc = systolic.at 0 : !systolic.buffer<accumulator, 16x16xf32, stride 4>
  systolic.queue dma_in {
    %a = systolic.dram @one + 0 : !systolic.buffer<dram, 1x4xf32, stride 16>
    %b = systolic.at 500 : !systolic.buffer<scratchpad, 1x4xbf16, stride 1>
    systolic.load dt 0 %a to %b : !systolic.buffer<dram, 1x4xf32, stride 16>, !systolic.buffer<scratchpad, 1x4xbf16, stride 1>
    systolic.repeat dt 70000 times 2 from 0 {
      %c = systolic.dram @layers + 4 : !systolic.buffer<dram, 1x8xq4_0, stride 144>
      %d = systolic.at 600 : !systolic.buffer<scratchpad, 32x8xbf16, stride 1>
      systolic.load dt 1 %c to %d limit 32 : !systolic.buffer<dram, 1x8xq4_0, stride 144>, !systolic.buffer<scratchpad, 32x8xbf16, stride 1>
      %e = systolic.dram @layers + 0 : !systolic.buffer<dram, 16x16xbf16, stride 32>
      systolic.gather dt 50 %e rows cache_row 0 to %x : !systolic.buffer<dram, 16x16xbf16, stride 32>, !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
      systolic.signal dt 0 %ready
      systolic.end_repeat dt 149
    }
    systolic.end dt 0
  }
  systolic.queue dma_out {
    systolic.repeat dt 70000 times 2 from 0 {
      %e = systolic.dram @layers + 0 : !systolic.buffer<dram, 16x16xbf16, stride 32>
      systolic.store dt 190 %x to %e : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<dram, 16x16xbf16, stride 32>
      systolic.scatter dt 4 %x to %e rows cache_row 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<dram, 16x16xbf16, stride 32>
      systolic.end_repeat dt 6
    }
    systolic.end dt 0
  }
  systolic.queue array {
    systolic.repeat dt 70000 times 2 from 0 {
      systolic.wait dt 100 %ready count 1
      systolic.load_weights dt 0 %x : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
      systolic.matmul dt 16 swap %x into %acc : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
      systolic.load_weights dt 0 transposed %x : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
      systolic.matmul dt 16 swap accumulate %x into %acc : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
      systolic.matmul_os dt 46 accumulate %x, %x into %acc : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
      systolic.end_repeat dt 22
    }
    systolic.end dt 0
  }
  systolic.queue vector_a {
    systolic.repeat dt 70000 times 2 from 0 {
      systolic.mark dt 0 "everything"
      systolic.map dt 9 silu %acc to %f : !systolic.buffer<accumulator, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      systolic.binary dt 16 add %f, %f to %acc : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<accumulator, 16x16xf32, stride 4>
      systolic.binary dt 16 subtract %f, row %row to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 1x16xf32, stride 4> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      systolic.binary dt 16 divide %f, column %column to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x1xf32, stride 1> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      systolic.binary dt 16 multiply %f, constant -0.125 to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      systolic.binary dt 16 maximum %f, constant 0xFF800000 to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      systolic.end_repeat dt 111
    }
    systolic.end dt 0
  }
  systolic.queue vector_b {
    systolic.repeat dt 70000 times 2 from 0 {
      systolic.reduce dt 50 squares %f to %column : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x1xf32, stride 1>
      systolic.mask dt 50 %f key 128 to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      systolic.mask dt 50 %f key 128 window 512 to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      systolic.rope dt 20 %f heads 8, %table to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x8xf32, stride 2>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
      systolic.argmax dt 20 accumulate %acc column 16 to %best : !systolic.buffer<accumulator, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x2xf32, stride 1>
      systolic.delay dt 5 1
      systolic.end_repeat dt 4
    }
    systolic.end dt 0
  }
}
