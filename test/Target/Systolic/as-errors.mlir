// RUN: split-file %s %t
// RUN: not espalier-as %t/syntax.mlir 2>&1 | FileCheck %s --check-prefix=SYNTAX
// SYNTAX: error: {{.*}}syntax.mlir:2:18: custom op 'systolic.queue' expected
// RUN: not espalier-as %t/verify.mlir 2>&1 | FileCheck %s --check-prefix=VERIFY
// VERIFY: error: {{.*}}verify.mlir:3:5: 'systolic.mark' op must have a dt in a queue
// RUN: not espalier-as %t/sequence.mlir 2>&1 | FileCheck %s --check-prefix=SEQUENCE
// SEQUENCE: error: {{.*}}sequence.mlir: expected a systolic.program, got a systolic.sequence: `espalier-opt --systolic-schedule` makes one of it
// RUN: not espalier-as %t/two.mlir 2>&1 | FileCheck %s --check-prefix=TWO
// TWO: error: {{.*}}two.mlir: expected one systolic.program
// RUN: not espalier-as %t/other.mlir 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: error: {{.*}}other.mlir:1:1: Dialect `func' not found
// RUN: not espalier-as %t/place.mlir 2>&1 | FileCheck %s --check-prefix=PLACE
// PLACE: error: {{.*}}place.mlir:1:1: queue dma_in, instruction 0 (LOAD): expected a place within the 16 bytes of region 'r', got 32 from 0 on
// RUN: not espalier-as %t/layer.mlir 2>&1 | FileCheck %s --check-prefix=LAYER
// LAYER: error: {{.*}}layer.mlir:1:1: queue dma_in, instruction 1 (LOAD): symbol 0 has 2 addresses, but is used in layer 2

// Options and files.
// RUN: not espalier-as 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: expected a file; --help tells more
// RUN: not espalier-as %t/two.mlir -x 2>&1 | FileCheck %s --check-prefix=OPTION
// OPTION: error: -x: unknown option
// RUN: not espalier-as %t/two.mlir %t/two.mlir 2>&1 | FileCheck %s --check-prefix=FILES
// FILES: error: '{{.*}}two.mlir': one file is enough
// RUN: not espalier-as %t/nothing.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: {{.*}}nothing.mlir: {{.*}}
// RUN: not espalier-as %t/empty.mlir -o %t/empty.mlir 2>&1 | FileCheck %s --check-prefix=SAME
// SAME: error: {{.*}}empty.mlir: is read by this command; give another name
// RUN: not espalier-as %t/empty.mlir -o %t 2>&1 | FileCheck %s --check-prefix=FOLDER
// FOLDER: error: {{.*}}: is no ordinary file; give the name of a file
// RUN: espalier-as --help | FileCheck %s --check-prefix=HELP
// HELP: usage: espalier-as FILE [-o FILE]

//--- syntax.mlir
systolic.program @p array 16 x 16 rows 1 {
  systolic.queue flash {
  }
}
//--- verify.mlir
systolic.program @p array 16 x 16 rows 1 {
  systolic.queue array {
    systolic.mark "x"
    systolic.end dt 0
  }
}
//--- sequence.mlir
systolic.sequence @s array 16 x 16 rows 1 {
}
//--- two.mlir
systolic.program @p array 16 x 16 rows 1 {
}
systolic.program @q array 16 x 16 rows 1 {
}
//--- other.mlir
func.func private @f()
//--- empty.mlir
systolic.program @p array 16 x 16 rows 1 {
}
//--- place.mlir
systolic.program @p array 16 x 16 rows 1 {
  systolic.region @r arena 16
  systolic.symbol @s = @r + 0
  systolic.queue dma_in {
    %a = systolic.dram @s + 0 : !systolic.buffer<dram, 2x4xf32, stride 16>
    %b = systolic.at 0 : !systolic.buffer<scratchpad, 2x4xf32, stride 1>
    systolic.load dt 0 %a to %b : !systolic.buffer<dram, 2x4xf32, stride 16>, !systolic.buffer<scratchpad, 2x4xf32, stride 1>
    systolic.end dt 0
  }
}
//--- layer.mlir
systolic.program @p array 16 x 16 rows 1 {
  systolic.region @r arena 64
  systolic.symbol @s = @r + 0, @r + 16
  systolic.queue dma_in {
    systolic.repeat dt 0 times 2 from 1 {
      %a = systolic.dram @s + 0 : !systolic.buffer<dram, 1x4xf32, stride 16>
      %b = systolic.at 0 : !systolic.buffer<scratchpad, 1x4xf32, stride 1>
      systolic.load dt 0 %a to %b : !systolic.buffer<dram, 1x4xf32, stride 16>, !systolic.buffer<scratchpad, 1x4xf32, stride 1>
      systolic.end_repeat dt 60
    }
    systolic.end dt 0
  }
  systolic.queue dma_out {
    systolic.repeat dt 0 times 2 from 1 {
      systolic.end_repeat dt 60
    }
    systolic.end dt 0
  }
  systolic.queue array {
    systolic.repeat dt 0 times 2 from 1 {
      systolic.end_repeat dt 60
    }
    systolic.end dt 0
  }
  systolic.queue vector_a {
    systolic.repeat dt 0 times 2 from 1 {
      systolic.end_repeat dt 60
    }
    systolic.end dt 0
  }
  systolic.queue vector_b {
    systolic.repeat dt 0 times 2 from 1 {
      systolic.end_repeat dt 60
    }
    systolic.end dt 0
  }
}
