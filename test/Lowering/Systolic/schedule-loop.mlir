// A loop over layers: symbols with an address for each, and one for all queues.

// RUN: espalier-opt %s --systolic-schedule=machine=systolic-16-edge | FileCheck %s
// RUN: espalier-opt %s --systolic-schedule=machine=systolic-16-edge > %t.mlir && espalier-as %t.mlir -o %t.bin
// RUN: espalier-sim %t.bin --machine systolic-16-edge --output y=%t.y
// RUN: od -An -v -tf4 -w16 %t.y | FileCheck %s --check-prefix=Y --match-full-lines
// RUN: espalier-sim %t.bin --machine systolic-16-edge --mode elastic --output y=%t.elastic && cmp %t.y %t.elastic

// CHECK-LABEL: systolic.program @layers
// CHECK-COUNT-5: systolic.repeat dt {{[0-9]+}} times 3 from 0 {

// Y: {{ *}}1 {{ *}}2 {{ *}}3 {{ *}}4
// Y-NEXT: {{ *}}10 {{ *}}20 {{ *}}30 {{ *}}40
// Y-NEXT: {{ *}}100 {{ *}}200 {{ *}}300 {{ *}}400

!dram = !systolic.buffer<dram, 1x4xf32, stride 16>
!row = !systolic.buffer<scratchpad, 1x4xf32, stride 1>

systolic.sequence @layers array 16 x 16 rows 1 {
  systolic.region @x weights 48 = dense<[1., 2., 3., 4., 5., 10., 15., 20., 25., 50., 75., 100.]> : tensor<12xf32>
  systolic.region @f weights 48 = dense<[1., 1., 1., 1., 2., 2., 2., 2., 4., 4., 4., 4.]> : tensor<12xf32>
  systolic.region @y output 48
  systolic.symbol @xs = @x + 0, @x + 16, @x + 32
  systolic.symbol @fs = @f + 0, @f + 16, @f + 32
  systolic.symbol @ys = @y + 0, @y + 16, @y + 32
  %a = systolic.at 0 : !row
  %b = systolic.at 1 : !row
  %c = systolic.at 8192 : !row
  systolic.repeat times 3 from 0 {
    %x = systolic.dram @xs + 0 : !dram
    %f = systolic.dram @fs + 0 : !dram
    %y = systolic.dram @ys + 0 : !dram
    systolic.load %x to %a : !dram, !row
    systolic.load %f to %b : !dram, !row
    systolic.binary on b multiply %a, %b to %c : !row, !row to !row
    systolic.store %c to %y : !row, !dram
  }
}
