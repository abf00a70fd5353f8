"""Makes the blocks of Inputs/blocks: 4096 known numbers in each block type, as the
package gguf encodes them. Their CRCs are published with the formats' descriptions.

    python blocks.py [FOLDER]      (default: ../Inputs/blocks)
"""
import os
import sys
import zlib

import gguf
import numpy as np
from gguf.quants import quantize

root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Inputs", "blocks")
i = np.arange(4096, dtype=np.uint64)
x = (((i * 2654435761) % (1 << 32) >> 8).astype(np.float64) / 2**23 - 1).astype(np.float32)
assert zlib.crc32(x.tobytes()) == 0xE9385D8F
os.makedirs(root, exist_ok=True)
for name, crc in ("q4_0", 0x4D3A0C2A), ("q8_0", 0x6A844B76), ("q4_1", 0x13816AE1):
    data = quantize(x.reshape(64, 64), gguf.GGMLQuantizationType[name.upper()]).tobytes()
    assert zlib.crc32(data) == crc, name
    with open(os.path.join(root, name + ".bin"), "wb") as f:
        f.write(data)
