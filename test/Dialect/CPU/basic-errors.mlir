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
