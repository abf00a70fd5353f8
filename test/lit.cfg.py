# How lit runs the tests of this folder.
#
# Substitutions: %goldens the checkpoints in test/Inputs/goldens, %stories and
# %draft the bundled models, %smollm2 the real model's GGUF file, %cc and %cxx the compilers.
# Features: compiler (the build has it), avx2, avx512 (the CPU runs such code),
# smollm2 (the real model is in the cache; tools/fetch-model gets it).
import os

import lit.formats

config.name = "Espalier"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["CMakeLists.txt", "Inputs", "Unit", "tools"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.espalier_build, "test")

config.environment["PATH"] = os.pathsep.join([
    os.path.join(config.espalier_build, "bin"),
    config.llvm_tools,
    os.environ.get("PATH", ""),
])
# Tests never read or write the user's cache.
config.environment["XDG_CACHE_HOME"] = os.path.join(config.test_exec_root, "cache")
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "ESPALIER_ISA"):
    if name in os.environ:
        config.environment[name] = os.environ[name]


def cpu_flags():
    try:
        with open("/proc/cpuinfo") as f:
            for line in f:
                if line.startswith("flags"):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


flags = cpu_flags()
if {"avx2", "fma", "f16c", "bmi2"} <= flags:
    config.available_features.add("avx2")
if {"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512cd", "avx512_vnni"} <= flags:
    config.available_features.add("avx512")
if config.has_compiler:
    config.available_features.add("compiler")
if os.path.exists(os.path.join(config.espalier_build, "bin", "espalier-lsp-server")):
    config.available_features.add("lsp-server")

model = os.environ.get("ESPALIER_SMOLLM2") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
    "espalier", "SmolLM2-135M-Instruct.Q4_1.gguf")
if os.path.isfile(model):
    config.available_features.add("smollm2")

source = config.espalier_source
config.substitutions += [
    ("%docs", os.path.join(source, "docs")),
    ("%goldens", os.path.join(source, "test", "Inputs", "goldens")),
    ("%stories", os.path.join(source, "tools", "models", "stories-5.5m")),
    ("%draft", os.path.join(source, "tools", "models", "stories-draft-0.9m")),
    ("%smollm2", model),
    ("%build", config.espalier_build),
    ("%source", source),
    ("%cc", config.c_compiler),
    ("%cxx", config.cxx_compiler),
]
