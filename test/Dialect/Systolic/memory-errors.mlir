// RUN: espalier-opt %s --split-input-file --verify-diagnostics

// At least one test for each error of the verifiers. A name is that of the op and
// the number of its constraint.

systolic.sequence @load_c1 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the source in dram, but it lies in scratchpad}}
  systolic.load %f to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @load_c1_to array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %a = systolic.at 0 : !systolic.buffer<accumulator, 16x16xf32, stride 4>
  // expected-error @below {{expected the destination in scratchpad, but it lies in accumulator}}
  systolic.load %d to %a : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
}

// -----

systolic.sequence @load_c2 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 8x16xf32, stride 4>
  // expected-error @below {{expected a destination of 16x16, but got 8x16}}
  systolic.load %d to %x : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 8x16xf32, stride 4>
}

// -----

systolic.sequence @load_c2_blocks array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %q = systolic.dram @s + 0 : !systolic.buffer<dram, 4096x1xq8_0, stride 34>
  // expected-error @below {{expected at most 2048 rows of blocks, but got 4096}}
  systolic.load %q to %f : !systolic.buffer<dram, 4096x1xq8_0, stride 34>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @load_c3 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %i = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xi8, stride 1>
  // expected-error @below {{cannot make i8 of f32}}
  systolic.load %d to %i : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x16xi8, stride 1>
}

// -----

systolic.sequence @load_c4 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected limit of 0 to 4294967295, but got -1}}
  systolic.load %d to %f limit -1 : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @gather_c1 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the source in dram, but it lies in scratchpad}}
  systolic.gather %f rows cache_row 0 to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @gather_c1_to array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %a = systolic.at 0 : !systolic.buffer<accumulator, 16x16xf32, stride 4>
  // expected-error @below {{expected the destination in scratchpad, but it lies in accumulator}}
  systolic.gather %d rows cache_row 0 to %a : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
}

// -----

systolic.sequence @gather_c2 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 8x16xf32, stride 4>
  // expected-error @below {{expected a destination of 16x16, but got 8x16}}
  systolic.gather %d rows cache_row 0 to %x : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 8x16xf32, stride 4>
}

// -----

systolic.sequence @gather_c3 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %i = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xi8, stride 1>
  // expected-error @below {{cannot make i8 of f32}}
  systolic.gather %d rows cache_row 0 to %i : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x16xi8, stride 1>
}

// -----

systolic.sequence @gather_c4 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected rows within the 16 of the bucket, but got 16 from 1 on}}
  systolic.gather %d rows cache_row 1 to %f : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @store_c1 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the source in scratchpad, but it lies in dram}}
  systolic.store %d to %d : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<dram, 16x16xf32, stride 64>
}

// -----

systolic.sequence @store_c1_to array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the destination in dram, but it lies in scratchpad}}
  systolic.store %f to %f : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @store_c2 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.dram @s + 0 : !systolic.buffer<dram, 8x16xf32, stride 64>
  // expected-error @below {{expected a destination of 16x16, but got 8x16}}
  systolic.store %f to %x : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 8x16xf32, stride 64>
}

// -----

systolic.sequence @store_c3 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %i = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xi8, stride 16>
  // expected-error @below {{expected equal types, but got f32 and i8}}
  systolic.store %f to %i : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 16x16xi8, stride 16>
}

// -----

systolic.sequence @store_c4 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @ro + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{must not write the region @w, which is read only}}
  systolic.store %f to %d : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 16x16xf32, stride 64>
}

// -----

systolic.sequence @scatter_c1 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the source in scratchpad, but it lies in dram}}
  systolic.scatter %d to %d rows cache_row 0 : !systolic.buffer<dram, 16x16xf32, stride 64>, !systolic.buffer<dram, 16x16xf32, stride 64>
}

// -----

systolic.sequence @scatter_c1_to array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected the destination in dram, but it lies in scratchpad}}
  systolic.scatter %f to %f rows cache_row 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @scatter_c2 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %x = systolic.dram @s + 0 : !systolic.buffer<dram, 8x16xf32, stride 64>
  // expected-error @below {{expected a destination of 16x16, but got 8x16}}
  systolic.scatter %f to %x rows cache_row 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 8x16xf32, stride 64>
}

// -----

systolic.sequence @scatter_c3 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  %i = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xi8, stride 16>
  // expected-error @below {{expected equal types, but got f32 and i8}}
  systolic.scatter %f to %i rows cache_row 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 16x16xi8, stride 16>
}

// -----

systolic.sequence @scatter_c4 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @s + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{expected rows within the 16 of the bucket, but got 16 from 1 on}}
  systolic.scatter %f to %d rows cache_row 1 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 16x16xf32, stride 64>
}

// -----

systolic.sequence @scatter_c5 array 16 x 16 rows 16 {
  systolic.region @w weights 65536
  systolic.region @r cache 65536
  systolic.symbol @s = @r + 0
  systolic.symbol @ro = @w + 0
  %f = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  %d = systolic.dram @ro + 0 : !systolic.buffer<dram, 16x16xf32, stride 64>
  // expected-error @below {{must not write the region @w, which is read only}}
  systolic.scatter %f to %d rows cache_row 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>, !systolic.buffer<dram, 16x16xf32, stride 64>
}
