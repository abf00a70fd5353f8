# How every target of the project is built. Two kinds of library:
#   espalier_add_plain_library  no LLVM, no MLIR, no exceptions, no RTTI: parsers, support, runtime
#   espalier_add_mlir_library   the compiler proper, on the shared precompiled header of MLIR's headers

# Floating point is evaluated as written: an FMA stands only where the source
# says std::fma (docs/numerics.md).
set(ESPALIER_COMPILE_OPTIONS -ffp-contract=off -fno-exceptions -Wall -Wextra
    -Wno-unused-parameter -Wno-missing-field-initializers)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_C_COMPILER_LAUNCHER})
endif()

set(ESPALIER_SANITIZE_OPTIONS "")
if(ESPALIER_SANITIZE)
  list(JOIN ESPALIER_SANITIZE "," _names)
  set(ESPALIER_SANITIZE_OPTIONS -fsanitize=${_names} -fno-sanitize-recover=all
      -fno-omit-frame-pointer)
endif()

function(espalier_add_plain_library name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/runtime/include>)
  target_compile_options(${name} PRIVATE ${ESPALIER_COMPILE_OPTIONS}
    $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti> -fvisibility=hidden)
  target_compile_options(${name} PUBLIC ${ESPALIER_SANITIZE_OPTIONS})
  if(ESPALIER_FUZZ)
    # Coverage, which is what steers the fuzzer. Tracing the operands of
    # comparisons would halve the speed; dictionaries, mutators and seeds have
    # the values that matter.
    target_compile_options(${name} PRIVATE
      -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp)
  endif()
  target_link_options(${name} PUBLIC ${ESPALIER_SANITIZE_OPTIONS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS})
endfunction()

function(espalier_mlir_options name)
  target_include_directories(${name} PUBLIC
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include
    ${PROJECT_SOURCE_DIR}/runtime/include)
  target_include_directories(${name} SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS} ${LLD_INCLUDE_DIRS})
  target_compile_definitions(${name} PUBLIC ${LLVM_DEFINITIONS_LIST})
  target_compile_options(${name} PRIVATE ${ESPALIER_COMPILE_OPTIONS})
endfunction()

# The precompiled header holds upstream headers only, so that an edit of ours
# never rebuilds it. Its time stamp is left out so that ccache can serve it.
function(espalier_define_pch)
  separate_arguments(_defs UNIX_COMMAND "${LLVM_DEFINITIONS}")
  list(TRANSFORM _defs REPLACE "^-D" "")
  set(LLVM_DEFINITIONS_LIST ${_defs} PARENT_SCOPE)
  set(LLVM_DEFINITIONS_LIST ${_defs})
  add_library(EspalierPCH OBJECT ${PROJECT_SOURCE_DIR}/cmake/pch.cpp)
  espalier_mlir_options(EspalierPCH)
  target_precompile_headers(EspalierPCH PRIVATE ${PROJECT_SOURCE_DIR}/cmake/pch.h)
  target_compile_options(EspalierPCH PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
endfunction()

function(espalier_add_mlir_library name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  espalier_mlir_options(${name})
  target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  target_precompile_headers(${name} REUSE_FROM EspalierPCH)
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS} MLIR)
  add_dependencies(${name} EspalierDialectsIncGen ${ARG_DEPENDS})
endfunction()

function(espalier_add_mlir_executable name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  espalier_mlir_options(${name})
  target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  target_precompile_headers(${name} REUSE_FROM EspalierPCH)
  # The precompiled header is of -fPIC, and clang refuses it to -fPIE.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS} MLIR LLVM)
  add_dependencies(${name} EspalierDialectsIncGen)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()

# An executable of plain code: fuzz targets, unit tests of plain libraries, test tools.
function(espalier_add_plain_executable name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/runtime/include)
  target_compile_options(${name} PRIVATE ${ESPALIER_COMPILE_OPTIONS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()

# One pure `bytes -> Result` function under libFuzzer. The target itself, with
# its mutator, is not what is to be covered.
function(espalier_add_fuzzer name)
  if(ESPALIER_FUZZ)
    espalier_add_plain_executable(${name} ${ARGN})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()
