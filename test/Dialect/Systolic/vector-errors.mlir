// RUN: espalier-opt %s --split-input-file --verify-diagnostics

// At least one test for each error of the verifiers. A name is that of the op and
// the number of its constraint.

systolic.sequence @map_c1 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the source in scratchpad or accumulator, but it lies in dram}}
  systolic.map on a relu %d to %f : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @map_c1_to array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the destination in scratchpad or accumulator, but it lies in dram}}
  systolic.map on a relu %f to %d : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 16x16xf32, stride 64>
}

// -----

systolic.sequence @map_c2 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 8x16xf32, stride 4>
  // expected-error @below {{expected a destination of 16x16, but got 8x16}}
  systolic.map on a relu %f to %x : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 8x16xf32, stride 4>
}

// -----

systolic.sequence @reduce_c1 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the source in scratchpad or accumulator, but it lies in dram}}
  systolic.reduce on a sum %d to %f : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @reduce_c1_to array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the destination in scratchpad or accumulator, but it lies in dram}}
  systolic.reduce on a sum %f to %d : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 16x16xf32, stride 64>
}

// -----

systolic.sequence @reduce_c2 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 8x16xf32, stride 4>
  // expected-error @below {{expected a destination of 16x1, but got 8x16}}
  systolic.reduce on a sum %f to %x : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 8x16xf32, stride 4>
}

// -----

systolic.sequence @reduce_c2_type array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xi32, stride 1>
  // expected-error @below {{expected a destination of f32, but got i32}}
  systolic.reduce on a sum %f to %x : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x1xi32, stride 1>
}

// -----

systolic.sequence @mask_c1 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the source in scratchpad or accumulator, but it lies in dram}}
  systolic.mask on a %d key 0 to %f : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @mask_c1_to array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the destination in scratchpad or accumulator, but it lies in dram}}
  systolic.mask on a %f key 0 to %d : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 16x16xf32, stride 64>
}

// -----

systolic.sequence @mask_c2 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 8x16xf32, stride 4>
  // expected-error @below {{expected a destination of 16x16, but got 8x16}}
  systolic.mask on a %f key 0 to %x : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 8x16xf32, stride 4>
}

// -----

systolic.sequence @argmax_c1 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the source in scratchpad or accumulator, but it lies in dram}}
  systolic.argmax on a %d column 0 to %f : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @argmax_c1_to array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the destination in scratchpad or accumulator, but it lies in dram}}
  systolic.argmax on a %f column 0 to %d : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 16x16xf32, stride 64>
}

// -----

systolic.sequence @argmax_c2 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 8x16xf32, stride 4>
  // expected-error @below {{expected a destination of 16x2, but got 8x16}}
  systolic.argmax on a %f column 0 to %x : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 8x16xf32, stride 4>
}

// -----

systolic.sequence @argmax_c2_type array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %o = systolic.at 0 : !systolic.buffer<scratchpad, 16x1xf32, stride 1>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xi32, stride 1>
  // expected-error @below {{expected a destination of f32, but got i32}}
  systolic.argmax on a %f column 0 to %x : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x2xi32, stride 1>
}

// -----

systolic.sequence @mask_c3 array 16 x 16 rows 16 {
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  // expected-error @below {{expected key of 0 to 16777215, but got -1}}
  systolic.mask on a %f key -1 to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @mask_c3_window array 16 x 16 rows 16 {
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  // expected-error @below {{expected window of 1 to 4294967295, but got 0}}
  systolic.mask on a %f key 0 window 0 to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @mask_c4 array 16 x 16 rows 1 {
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  // expected-error @below {{expected rows of 1 to 1, but got 16}}
  systolic.mask on a %f key 0 to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @argmax_c3 array 16 x 16 rows 16 {
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x2xf32, stride 1>
  // expected-error @below {{expected column of 0 to 16777215, but got -1}}
  systolic.argmax on a %f column -1 to %t : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x2xf32, stride 1>
}

// -----

systolic.sequence @binary_c1 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the left side in scratchpad or accumulator, but it lies in dram}}
  systolic.binary on a add %d, %f to %f : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @binary_c1_right array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the right side in scratchpad or accumulator, but it lies in dram}}
  systolic.binary on a add %f, %d to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 16x16xf32, stride 64> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @binary_c1_to array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the destination in scratchpad or accumulator, but it lies in dram}}
  systolic.binary on a add %f, %f to %d : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<dram, 16x16xf32, stride 64>
}

// -----

systolic.sequence @binary_c2 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 8x16xf32, stride 4>
  // expected-error @below {{expected a destination of 16x16, but got 8x16}}
  systolic.binary on a add %f, %f to %x : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<scratchpad, 8x16xf32, stride 4>
}

// -----

systolic.sequence @binary_c3 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 8x16xf32, stride 4>
  // expected-error @below {{expected a right side of 16x16, but got 8x16}}
  systolic.binary on a add %f, %x to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 8x16xf32, stride 4> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @binary_c3_row array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected a right side of 1x16, but got 16x16}}
  systolic.binary on a add %f, row %f to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @binary_c3_column array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected a right side of 16x1, but got 16x16}}
  systolic.binary on a add %f, column %f to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @binary_c4 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected a right side or a constant, and not both}}
  systolic.binary on a add %f, to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @binary_c4_both array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected row or column, and not both, of a right side}}
  systolic.binary on a add %f, row column %f to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4> to !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @rope_c1 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x8xf32, stride 2>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the source in scratchpad or accumulator, but it lies in dram}}
  systolic.rope on a %d heads 8, %t to %f : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x8xf32, stride 2>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @rope_c1_table array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x8xf32, stride 2>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the table in scratchpad or accumulator, but it lies in dram}}
  systolic.rope on a %f heads 8, %d to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @rope_c1_to array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x8xf32, stride 2>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the destination in scratchpad or accumulator, but it lies in dram}}
  systolic.rope on a %f heads 8, %t to %d : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x8xf32, stride 2>, !systolic.buffer<dram, 16x16xf32, stride 64>
}

// -----

systolic.sequence @rope_c2 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x8xf32, stride 2>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected a destination of 16x16, but got 16x8}}
  systolic.rope on a %f heads 8, %t to %t : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x8xf32, stride 2>, !systolic.buffer<scratchpad, 16x8xf32, stride 2>
}

// -----

systolic.sequence @rope_c2_table array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x8xf32, stride 2>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 8x8xf32, stride 2>
  // expected-error @below {{expected a table of 16x8, but got 8x8}}
  systolic.rope on a %f heads 8, %x to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 8x8xf32, stride 2>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @rope_c3 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x8xf32, stride 2>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected head of 1 to 65535, but got 0}}
  systolic.rope on a %f heads 0, %t to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x8xf32, stride 2>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @rope_c3_columns array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x8xf32, stride 2>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected heads of 12 to fill the 16 columns}}
  systolic.rope on a %f heads 12, %t to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x8xf32, stride 2>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @rope_c4 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %t = systolic.at 0 : !systolic.buffer<scratchpad, 16x8xf32, stride 2>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected a table of an even number of columns, at most 4, but got 8}}
  systolic.rope on a %f heads 4, %t to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x8xf32, stride 2>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}
