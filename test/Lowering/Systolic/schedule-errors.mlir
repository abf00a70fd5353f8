// RUN: espalier-opt %s --systolic-schedule=machine=systolic-16-edge --split-input-file --verify-diagnostics

// expected-error @below {{is for an array of 128 x 128, but that of systolic-16-edge has 16 x 16}}
systolic.sequence @array array 128 x 128 rows 1 {
}

// -----

!f32 = !systolic.buffer<scratchpad, 16x16xf32, stride 4>
// expected-error @below {{instruction 0 (MAP): reads what was never written}}
systolic.sequence @unwritten array 16 x 16 rows 1 {
  %a = systolic.at 0 : !f32
  systolic.map on a relu %a to %a : !f32, !f32
}

// -----

!f32 = !systolic.buffer<scratchpad, 16x16xf32, stride 4>
!dram = !systolic.buffer<dram, 16x16xf32, stride 64>
// expected-error @below {{instruction 0 (LOAD): an operand ends at byte 263168 of the scratchpad, which has 262144}}
systolic.sequence @outside array 16 x 16 rows 1 {
  systolic.region @r weights 1024
  systolic.symbol @s = @r + 0
  %d = systolic.dram @s + 0 : !dram
  %a = systolic.at 16384 : !f32
  systolic.load %d to %a : !dram, !f32
}

// -----

!f32 = !systolic.buffer<scratchpad, 2x4xf32, stride 1>
!dram = !systolic.buffer<dram, 2x4xf32, stride 16>
// expected-error @below {{queue dma_in, instruction 0 (LOAD): expected a place within the 16 bytes of region 'r', got 32 from 0 on}}
systolic.sequence @place array 16 x 16 rows 1 {
  systolic.region @r weights 16
  systolic.symbol @s = @r + 0
  %d = systolic.dram @s + 0 : !dram
  %a = systolic.at 0 : !f32
  systolic.load %d to %a : !dram, !f32
}
