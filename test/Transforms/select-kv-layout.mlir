// RUN: espalier-opt %s --xf-select-kv-layout | FileCheck %s
// RUN: espalier-opt %s --xf-select-kv-layout=element-type=bf16 | FileCheck %s --check-prefix=BF16
// RUN: espalier-opt %s --xf-select-kv-layout --xf-select-kv-layout | FileCheck %s
// RUN: espalier-opt %s --xf-select-kv-layout="element-type=bf16 layout=rows" | FileCheck %s --check-prefix=ROWS

// CHECK-LABEL: func @step
// CHECK-SAME:    !xf.kv_cache<2 x 2 x 16, f16, tiles16>
// CHECK-SAME:    -> !xf.kv_cache<2 x 2 x 16, f16, tiles16>
// CHECK:         xf.repeat {{.*}} iter(%{{.*}} : !xf.kv_cache<2 x 2 x 16, f16, tiles16>)
// CHECK:         ^bb0({{.*}}: !xf.kv_cache<2 x 2 x 16, f16, tiles16>)
// CHECK:         xf.kv_append keys {{.*}} -> !xf.kv_cache<2 x 2 x 16, f16, tiles16>
// CHECK:         } -> !xf.kv_cache<2 x 2 x 16, f16, tiles16>
// CHECK-NOT:     unassigned
// BF16-LABEL: func @step
// BF16-SAME:    -> !xf.kv_cache<2 x 2 x 16, bf16, tiles16>
// BF16-NOT:     f16, unassigned
// ROWS-LABEL: func @step
// ROWS-SAME:    -> !xf.kv_cache<2 x 2 x 16, bf16, rows>
// ROWS-NOT:     unassigned
func.func @step(%rows: !xf.rows, %c: !xf.kv_cache<2 x 2 x 16, f16, unassigned>, %x: tensor<?x32xf32>) -> !xf.kv_cache<2 x 2 x 16, f16, unassigned> {
  %zero = arith.constant 0 : index
  %r = xf.repeat kinds [0, 0] iter(%c : !xf.kv_cache<2 x 2 x 16, f16, unassigned>) {
  ^bb0(%l: index, %i: index, %kv: !xf.kv_cache<2 x 2 x 16, f16, unassigned>):
    %n = xf.kv_append keys %kv[%l] heads from %zero ins(%rows, %x : tensor<?x32xf32>) : !xf.kv_cache<2 x 2 x 16, f16, unassigned> -> !xf.kv_cache<2 x 2 x 16, f16, unassigned>
    xf.yield %n : !xf.kv_cache<2 x 2 x 16, f16, unassigned>
  } -> !xf.kv_cache<2 x 2 x 16, f16, unassigned>
  return %r : !xf.kv_cache<2 x 2 x 16, f16, unassigned>
}
