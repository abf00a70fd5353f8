// RUN: espalier-opt %s --split-input-file --xf-select-kv-layout=element-type=f32 --verify-diagnostics
// RUN: not espalier-opt %s --xf-select-kv-layout=element-type=f8 2>&1 | FileCheck %s
// RUN: not espalier-opt %s --xf-select-kv-layout=layout=unassigned 2>&1 | FileCheck %s --check-prefix=LAYOUT

// LAYOUT: option 'layout': expected tiles16 or rows, got 'unassigned'
// CHECK: option 'element-type': expected f32, f16 or bf16, got 'f8'

// expected-error @below {{expected caches without a layout or of element type 'f32', but got '!xf.kv_cache<2 x 2 x 16, f16, tiles16>'; choose the element type before the layout}}
module {
  func.func private @step(!xf.kv_cache<2 x 2 x 16, f16, tiles16>)
}
