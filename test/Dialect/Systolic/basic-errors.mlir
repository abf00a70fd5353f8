// RUN: espalier-opt %s --split-input-file --verify-diagnostics

// At least one test for each error of the verifiers. A name is that of the op and
// the number of its constraint.

// expected-error @below {{expected 1 to 65536 rows, 1 to 16777216 columns and a stride below 2^32, but got 0x4, stride 1}}
func.func private @buffer_c1(!systolic.buffer<scratchpad, 0x4xf32, stride 1>)

// -----

// expected-error @below {{blocks of q4_0 lie in DRAM only, not in the scratchpad}}
func.func private @buffer_c2(!systolic.buffer<scratchpad, 1x4xq4_0, stride 1>)

// -----

// expected-error @below {{unknown memory 'flash'}}
func.func private @buffer_memory(!systolic.buffer<flash, 1x4xf32, stride 1>)

// -----

// expected-error @below {{unknown element type 'f64'}}
func.func private @buffer_element(!systolic.buffer<dram, 1x4xf64, stride 1>)

// -----

// expected-error @below {{a buffer has rows and columns}}
func.func private @buffer_rank(!systolic.buffer<dram, 4xf32, stride 1>)

// -----

// expected-error @below {{expected array rows of 1 to 65536, but got 0}}
systolic.program @program_c1 array 0 x 16 rows 1 {
}

// -----

systolic.program @program_c2 array 16 x 16 rows 1 {
  // expected-error @below {{must not stand in a program: only declarations and queues do}}
  %0 = arith.constant 0 : i32
}

// -----

systolic.program @program_c2_twice array 16 x 16 rows 1 {
  systolic.queue array {
    systolic.end dt 0
  }
  // expected-error @below {{there are two of array}}
  systolic.queue array {
    systolic.end dt 0
  }
}

// -----

systolic.program @program_c3 array 16 x 16 rows 1 {
  systolic.queue dma_in {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  // expected-error @below {{must have the same loops as every queue: dma_in has 1 where it has 0}}
  systolic.queue dma_out {
    systolic.end dt 0
  }
  systolic.queue array {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue vector_a {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue vector_b {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
}

// -----

systolic.program @program_c3_times array 16 x 16 rows 1 {
  systolic.queue dma_in {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue dma_out {
    // expected-error @below {{must be the same in all queues: expected times 2 from 0 as in dma_in}}
    systolic.repeat dt 0 times 3 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue array {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue vector_a {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue vector_b {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
}

// -----

// expected-error @below {{must have all five queues where there are loops, but has 1}}
systolic.program @program_c3_queues array 16 x 16 rows 1 {
  systolic.queue dma_in {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
}

// -----

systolic.program @program_c4_begin array 16 x 16 rows 1 {
  systolic.queue dma_in {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue dma_out {
    // expected-error @below {{must begin in the same cycle in all queues: expected 0 as in dma_in, but got 3}}
    systolic.repeat dt 3 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue array {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue vector_a {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue vector_b {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
}

// -----

systolic.program @program_c4 array 16 x 16 rows 1 {
  systolic.queue dma_in {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue dma_out {
    // expected-error @below {{must have as many cycles in all queues: expected 5 as in dma_in, but got 6}}
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 6
    }
    systolic.end dt 0
  }
  systolic.queue array {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue vector_a {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
  systolic.queue vector_b {
    systolic.repeat dt 0 times 2 from 0 {
      systolic.end_repeat dt 5
    }
    systolic.end dt 0
  }
}

// -----

// expected-error @below {{at most 256 semaphores, but has 257}}
systolic.program @program_c5 array 16 x 16 rows 1 {
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore systolic.semaphore systolic.semaphore systolic.semaphore
  systolic.semaphore
}

// -----

// expected-error @below {{expected rows of 1 to 65536, but got 65537}}
systolic.sequence @sequence_c1 array 16 x 16 rows 65537 {
}

// -----

systolic.sequence @sequence_c2 array 16 x 16 rows 1 {
  // expected-error @below {{must not stand in a sequence: only declarations, loops, marks and instructions of units do}}
  systolic.delay 5
}

// -----

systolic.sequence @sequence_c2_loop array 16 x 16 rows 1 {
  systolic.repeat times 2 from 0 {
    // expected-error @below {{must not stand in a sequence: only declarations, loops, marks and instructions of units do}}
    systolic.delay 5
  }
}

// -----

systolic.program @queue_c1_end array 16 x 16 rows 1 {
  // expected-error @below {{must end with systolic.end}}
  systolic.queue array {
    llvm.unreachable
  }
}

// -----

systolic.program @queue_c1 array 16 x 16 rows 1 {
  systolic.queue array {
    // expected-error @below {{must not stand in a queue: only instructions do}}
    %0 = arith.constant 0 : i32
    systolic.end dt 0
  }
}

// -----

systolic.sequence @region_c1 array 16 x 16 rows 16 {
  // expected-error @below {{expected bytes of 1 to 281474976710655, but got 0}}
  systolic.region @r arena 0
}

// -----

systolic.sequence @region_c2 array 16 x 16 rows 16 {
  // expected-error @below {{expected contents of 8 bytes, but got 4}}
  systolic.region @r weights 8 = dense<1.0> : tensor<1xf32>
}

// -----

systolic.sequence @region_c2_bits array 16 x 16 rows 16 {
  // expected-error @below {{contents must be dense, of 8, 16, 32 or 64 bits}}
  systolic.region @r weights 1 = dense<true> : tensor<1xi1>
}

// -----

systolic.sequence @symbol_c1 array 16 x 16 rows 16 {
  // expected-error @below {{expected at least one address, and an offset for each region, but got 0 regions and 0 offsets}}
  "systolic.symbol"() <{sym_name = "s", regions = [], offsets = array<i64>}> : () -> ()
}

// -----

systolic.sequence @symbol_c2 array 16 x 16 rows 16 {
  // expected-error @below {{no systolic.region @nowhere is declared}}
  systolic.symbol @s = @nowhere + 0
}

// -----

systolic.sequence @symbol_c2_offset array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  // expected-error @below {{expected an offset below the 65536 bytes of @r, but got 65536}}
  systolic.symbol @s = @r + 65536
}

// -----

systolic.sequence @at_c1 array 16 x 16 rows 16 {
  // expected-error @below {{expected address of 0 to 16777215, but got 16777216}}
  %x = systolic.at 16777216 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @at_c2 array 16 x 16 rows 16 {
  // expected-error @below {{expected the buffer in scratchpad or accumulator, but it lies in dram}}
  %x = systolic.at 0 : !systolic.buffer<dram, 1x4xf32, stride 64>
}

// -----

systolic.sequence @dram_c1 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  // expected-error @below {{expected offset of 0 to 16777215, but got 16777216}}
  %x = systolic.dram @s + 16777216 : !systolic.buffer<dram, 1x4xf32, stride 64>
}

// -----

systolic.sequence @dram_c2 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  // expected-error @below {{expected the buffer in dram, but it lies in scratchpad}}
  %x = systolic.dram @s + 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @dram_c3 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  // expected-error @below {{no systolic.symbol @r is declared}}
  %x = systolic.dram @r + 0 : !systolic.buffer<dram, 1x4xf32, stride 64>
}

// -----

// expected-error @below {{must stand in a systolic.sequence, a systolic.queue, or a loop in one of them}}
systolic.mark "instruction_c1"

// -----

systolic.program @instruction_c2 array 16 x 16 rows 1 {
  systolic.queue array {
    // expected-error @below {{must have a dt in a queue}}
    systolic.mark "x"
    systolic.end dt 0
  }
}

// -----

systolic.sequence @instruction_c2_sequence array 16 x 16 rows 16 {
  // expected-error @below {{must not have a dt in a sequence}}
  systolic.mark dt 0 on array "x"
}

// -----

systolic.program @instruction_c2_range array 16 x 16 rows 1 {
  systolic.queue array {
    // expected-error @below {{expected dt of 0 to 4294967295, but got 4294967296}}
    systolic.end dt 4294967296
  }
}

// -----

systolic.program @instruction_c3 array 16 x 16 rows 1 {
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  systolic.queue dma_in {
    // expected-error @below {{must not stand in the queue dma_in}}
    systolic.load_weights dt 0 %x : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
    systolic.end dt 0
  }
}

// -----

systolic.program @instruction_c3_on array 16 x 16 rows 1 {
  systolic.queue dma_in {
    // expected-error @below {{must not choose a queue by 'on' in a queue}}
    systolic.mark dt 0 on dma_in "x"
    systolic.end dt 0
  }
}

// -----

systolic.sequence @instruction_c3_unit array 16 x 16 rows 16 {
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  // expected-error @below {{must choose a queue by 'on' in a sequence}}
  systolic.map relu %x to %x : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @instruction_c3_mark array 16 x 16 rows 16 {
  // expected-error @below {{must choose a queue by 'on' in a sequence}}
  systolic.mark "x"
}

// -----

systolic.sequence @instruction_c4 array 16 x 16 rows 1 {
  %x = builtin.unrealized_conversion_cast to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  // expected-error @below {{operands must be made by systolic.at, systolic.dram or systolic.semaphore}}
  systolic.map on a relu %x to %x : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @instruction_c5 array 16 x 16 rows 16 {
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %y = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 3>
  // expected-error @below {{writes rows that overlap: expected a stride of at least 64 bytes, but got 48}}
  systolic.map on a relu %x to %y : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 3>
}

// -----

systolic.program @delay_c1 array 16 x 16 rows 1 {
  systolic.queue array {
    // expected-error @below {{expected cycles of 0 to 16777215, but got 16777216}}
    systolic.delay dt 0 16777216
    systolic.end dt 0
  }
}

// -----

systolic.sequence @repeat_c1 array 16 x 16 rows 16 {
  // expected-error @below {{expected times of 1 to 16777215, but got 0}}
  systolic.repeat times 0 from 0 {
  }
}

// -----

systolic.sequence @repeat_c1_layer array 16 x 16 rows 16 {
  // expected-error @below {{expected first layer of 0 to 16777215, but got -1}}
  systolic.repeat times 1 from -1 {
  }
}

// -----

systolic.sequence @repeat_c1_last array 16 x 16 rows 16 {
  // expected-error @below {{expected last layer of 0 to 16777215, but got 16777216}}
  systolic.repeat times 2 from 16777215 {
  }
}

// -----

systolic.sequence @repeat_c2 array 16 x 16 rows 1 {
  systolic.repeat times 2 from 0 {
    systolic.repeat times 2 from 0 {
      // expected-error @below {{loops are at most two deep}}
      systolic.repeat times 2 from 0 {
      }
    }
  }
}

// -----

systolic.program @wait_c1 array 16 x 16 rows 1 {
  %s = systolic.semaphore
  systolic.queue array {
    // expected-error @below {{expected count of 1 to 16777215, but got 0}}
    systolic.wait dt 0 %s count 0
    systolic.end dt 0
  }
}

// -----

systolic.program @mark_c1 array 16 x 16 rows 1 {
  systolic.queue array {
    // expected-error @below {{the name must not be empty or have a zero byte}}
    systolic.mark dt 0 ""
    systolic.end dt 0
  }
}
