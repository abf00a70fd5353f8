// RUN: espalier-opt %s -split-input-file -verify-diagnostics

func.func @dot_u8s8_c1(%acc: vector<16xf32>, %u: vector<64xi8>, %s: vector<64xi8>) {
  // expected-error @+1 {{expected an accumulator and a result of one type vector<Nxi32>, but got 'vector<16xf32>'}}
  %r = cpu.dot_u8s8 %acc, %u, %s : vector<16xf32>, vector<64xi8>
  return
}

// -----

func.func @dot_u8s8_c2(%acc: vector<16xi32>, %u: vector<32xi8>, %s: vector<32xi8>) {
  // expected-error @+1 {{expected operands of type 'vector<64xi8>', but got 'vector<32xi8>'}}
  %r = cpu.dot_u8s8 %acc, %u, %s : vector<16xi32>, vector<32xi8>
  return
}

// -----

func.func @expect_c1_none() {
  // expected-error @+1 {{expected at least one matrix}}
  "cpu.expect"() <{lines = 1 : i64, window = 0 : i64}> : () -> ()
  return
}

// -----

func.func @expect_c1_gaps(%a: memref<?x4xf32, strided<[8, 1]>>) {
  // expected-error @+1 {{expected matrices whose rows follow each other without gaps, but got 'memref<?x4xf32, strided<[8, 1]>>'}}
  cpu.expect %a {lines = 1 : i64, window = 0 : i64} : memref<?x4xf32, strided<[8, 1]>>
  return
}

// -----

func.func @expect_c1_rank(%a: memref<4xf32>) {
  // expected-error @+1 {{expected matrices whose rows follow each other without gaps, but got 'memref<4xf32>'}}
  cpu.expect %a {lines = 1 : i64, window = 0 : i64} : memref<4xf32>
  return
}
