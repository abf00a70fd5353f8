// RUN: not espalier-opt %s --xf-partition="few-rows=8 many-rows=4" 2>&1 | FileCheck %s

// CHECK: expected 1 <= few-rows <= many-rows, and no negative split-rows, row-block or panels-per-tile
func.func @step() {
  return
}
