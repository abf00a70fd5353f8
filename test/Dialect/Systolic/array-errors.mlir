// RUN: espalier-opt %s --split-input-file --verify-diagnostics

// At least one test for each error of the verifiers. A name is that of the op and
// the number of its constraint.

systolic.sequence @load_weights_c1 array 16 x 16 rows 16 {
  %x = systolic.at 0 : !systolic.buffer<accumulator, 16x16xbf16, stride 4>
  // expected-error @below {{expected the tile in scratchpad, but it lies in accumulator}}
  systolic.load_weights %x : !systolic.buffer<accumulator, 16x16xbf16, stride 4>
}

// -----

systolic.sequence @load_weights_c2 array 16 x 16 rows 16 {
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  // expected-error @below {{expected weights of i8 or bf16, but got f32}}
  systolic.load_weights %x : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @load_weights_c3 array 16 x 16 rows 16 {
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 17x16xbf16, stride 2>
  // expected-error @below {{expected a k of at most the 16 rows of the array, but got 17}}
  systolic.load_weights %x : !systolic.buffer<scratchpad, 17x16xbf16, stride 2>
}

// -----

systolic.sequence @load_weights_c3_n array 16 x 16 rows 16 {
  %x = systolic.at 0 : !systolic.buffer<scratchpad, 17x16xbf16, stride 2>
  // expected-error @below {{expected an n of at most the 16 columns of the array, but got 17}}
  systolic.load_weights transposed %x : !systolic.buffer<scratchpad, 17x16xbf16, stride 2>
}

// -----

systolic.sequence @matmul_c1 array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<accumulator, 16x16xbf16, stride 4>
  %c = systolic.at 0 : !systolic.buffer<accumulator, 16x16xf32, stride 4>
  // expected-error @below {{expected the rows in scratchpad, but it lies in accumulator}}
  systolic.matmul %a into %c : !systolic.buffer<accumulator, 16x16xbf16, stride 4>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
}

// -----

systolic.sequence @matmul_c1_result array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %c = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  // expected-error @below {{expected the result in accumulator, but it lies in scratchpad}}
  systolic.matmul %a into %c : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @matmul_c2 array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %c = systolic.at 0 : !systolic.buffer<accumulator, 16x16xi32, stride 4>
  // expected-error @below {{expected i8 and i32, or bf16 and f32, but got bf16 and i32}}
  systolic.matmul %a into %c : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 16x16xi32, stride 4>
}

// -----

systolic.sequence @matmul_c3 array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %c = systolic.at 0 : !systolic.buffer<accumulator, 8x16xf32, stride 4>
  // expected-error @below {{expected a result of 16x16, but got 8x16}}
  systolic.matmul %a into %c : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 8x16xf32, stride 4>
}

// -----

systolic.sequence @matmul_c4 array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<scratchpad, 16x17xbf16, stride 4>
  %c = systolic.at 0 : !systolic.buffer<accumulator, 16x16xf32, stride 4>
  // expected-error @below {{expected a k of at most the 16 rows of the array, but got 17}}
  systolic.matmul %a into %c : !systolic.buffer<scratchpad, 16x17xbf16, stride 4>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
}

// -----

systolic.sequence @matmul_c4_n array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %c = systolic.at 0 : !systolic.buffer<accumulator, 16x17xf32, stride 5>
  // expected-error @below {{expected an n of at most the 16 columns of the array, but got 17}}
  systolic.matmul %a into %c : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 16x17xf32, stride 5>
}

// -----

systolic.sequence @matmul_os_c1 array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<accumulator, 16x16xbf16, stride 4>
  %b = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %c = systolic.at 0 : !systolic.buffer<accumulator, 16x16xf32, stride 4>
  // expected-error @below {{expected the left side in scratchpad, but it lies in accumulator}}
  systolic.matmul_os %a, %b into %c : !systolic.buffer<accumulator, 16x16xbf16, stride 4>, !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
}

// -----

systolic.sequence @matmul_os_c1_right array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<accumulator, 16x16xbf16, stride 4>
  %b = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %c = systolic.at 0 : !systolic.buffer<accumulator, 16x16xf32, stride 4>
  // expected-error @below {{expected the right side in scratchpad, but it lies in accumulator}}
  systolic.matmul_os %b, %a into %c : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 16x16xbf16, stride 4>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
}

// -----

systolic.sequence @matmul_os_c1_result array 16 x 16 rows 16 {
  %b = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %c = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xf32, stride 4>
  // expected-error @below {{expected the result in accumulator, but it lies in scratchpad}}
  systolic.matmul_os %b, %b into %c : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<scratchpad, 16x16xf32, stride 4>
}

// -----

systolic.sequence @matmul_os_c2 array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %b = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xi8, stride 1>
  %c = systolic.at 0 : !systolic.buffer<accumulator, 16x16xf32, stride 4>
  // expected-error @below {{expected i8 and i32, or bf16 and f32, but got i8 and f32}}
  systolic.matmul_os %a, %b into %c : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<scratchpad, 16x16xi8, stride 1>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
}

// -----

systolic.sequence @matmul_os_c3 array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %b = systolic.at 0 : !systolic.buffer<scratchpad, 8x16xbf16, stride 2>
  %c = systolic.at 0 : !systolic.buffer<accumulator, 16x16xf32, stride 4>
  // expected-error @below {{expected a right side of 16x16, but got 8x16}}
  systolic.matmul_os %a, %b into %c : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<scratchpad, 8x16xbf16, stride 2>, !systolic.buffer<accumulator, 16x16xf32, stride 4>
}

// -----

systolic.sequence @matmul_os_c3_result array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %c = systolic.at 0 : !systolic.buffer<accumulator, 16x8xf32, stride 2>
  // expected-error @below {{expected a result of 16x16, but got 16x8}}
  systolic.matmul_os %a, %a into %c : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 16x8xf32, stride 2>
}

// -----

systolic.sequence @matmul_os_c4 array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<scratchpad, 17x16xbf16, stride 2>
  %b = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %c = systolic.at 0 : !systolic.buffer<accumulator, 17x16xf32, stride 4>
  // expected-error @below {{expected an M of at most the 16 rows of the array, but got 17}}
  systolic.matmul_os %a, %b into %c : !systolic.buffer<scratchpad, 17x16xbf16, stride 2>, !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<accumulator, 17x16xf32, stride 4>
}

// -----

systolic.sequence @matmul_os_c4_n array 16 x 16 rows 16 {
  %a = systolic.at 0 : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>
  %b = systolic.at 0 : !systolic.buffer<scratchpad, 16x17xbf16, stride 3>
  %c = systolic.at 0 : !systolic.buffer<accumulator, 16x17xf32, stride 5>
  // expected-error @below {{expected an N of at most the 16 columns of the array, but got 17}}
  systolic.matmul_os %a, %b into %c : !systolic.buffer<scratchpad, 16x16xbf16, stride 2>, !systolic.buffer<scratchpad, 16x17xbf16, stride 3>, !systolic.buffer<accumulator, 16x17xf32, stride 5>
}
