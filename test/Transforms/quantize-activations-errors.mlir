// RUN: espalier-opt %s --xf-quantize-activations=activations=int4 --verify-diagnostics

// expected-error @below {{option 'activations': expected auto or f32, got 'int4'}}
module {}
