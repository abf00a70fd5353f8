"""Compares the parser of safetensors with the package safetensors on mutated files.

    python safetensors_differential.py VERDICT [COUNT [SEED]]

VERDICT is build/bin/safetensors-verdict. What the package rejects must be
rejected; of what both accept, the tensors must be the same. Files that only we
reject are counted by reason: we are stricter on purpose. Exit status 1 after a
disagreement, with the file kept in the current folder.
"""
import collections
import json
import random
import struct
import subprocess
import sys

import safetensors

DTYPES = {"BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
          "F64": 64, "I64": 64, "U64": 64, "F8_E5M2": 8, "F8_E4M3": 8, "F4": 4, "F6_E2M3": 6, "F8_E8M0": 8, "C64": 64}
NUMBERS = [0, 1, 2, 3, 7, 8, 255, 256, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1,
           2**64, -1, 1.5, 1e30, "1", None, True]


def whole(rng):
    """A sound file, as a list of (name, entry) and the number of data bytes."""
    entries, at = [], 0
    for i in range(rng.randrange(5)):
        dtype = rng.choice(list(DTYPES))
        shape = [rng.randrange(5) for _ in range(rng.randrange(4))]
        bits = DTYPES[dtype]
        for extent in shape:
            bits *= extent
        if bits % 8:
            shape, bits = shape + [8], bits * 8
        entries.append(("t%d" % i, {"dtype": dtype, "shape": shape, "data_offsets": [at, at + bits // 8]}))
        at += bits // 8
    rng.shuffle(entries)
    if rng.random() < 0.4:
        entries.insert(0, ("__metadata__", {"format": "pt"}))
    return entries, at


def mutate_entries(rng, entries):
    if not entries:
        return
    i = rng.randrange(len(entries))
    name, entry = entries[i]
    what = rng.randrange(9)
    if what == 0:
        entries[i] = (rng.choice(["", "t0", "t1", "__metadata__", "\0", "a" * 300, "\u00e9", "../x", "\x1b"]), entry)
    elif what == 1:
        entries.append((name, entry))
    elif what == 2 and isinstance(entry, dict) and entry:
        entry.pop(rng.choice(list(entry)))
    elif what == 3 and isinstance(entry, dict):
        entry[rng.choice(["dtype", "shape", "data_offsets", "extra"])] = rng.choice(NUMBERS + [[], {}, [0, 0], [0], "F32"])
    elif what == 4 and isinstance(entry, dict) and isinstance(entry.get("data_offsets"), list) and entry["data_offsets"]:
        offsets = entry["data_offsets"]
        offsets[rng.randrange(len(offsets))] = rng.choice(NUMBERS)
    elif what == 5 and isinstance(entry, dict) and isinstance(entry.get("shape"), list) and entry["shape"]:
        entry["shape"][rng.randrange(len(entry["shape"]))] = rng.choice(NUMBERS)
    elif what == 6 and isinstance(entry, dict) and isinstance(entry.get("shape"), list):
        entry["shape"].append(rng.choice(NUMBERS))
    elif what == 7 and isinstance(entry, dict):
        entry["dtype"] = rng.choice(list(DTYPES) + ["f32", "", "F99", 7])
    else:
        entries[i] = (name, rng.choice([None, [], {}, 1, "x", {"format": 1}]))


def make(rng):
    entries, size = whole(rng)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        mutate_entries(rng, entries)
    header = "{" + ",".join(json.dumps(k) + ":" + json.dumps(v) for k, v in entries) + "}"
    header = header.encode()
    if rng.random() < 0.2 and header:
        header = bytearray(header)
        for _ in range(rng.randrange(1, 4)):
            at, kind = rng.randrange(len(header)), rng.randrange(3)
            if kind == 0:
                header[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                header[at:at] = rng.choice([b" ", b"\n", b"\0", b"{", b"]", b",", b"0", b"\\", b"\xff", b"\xed\xa0\x80"])
            else:
                del header[at:at + rng.randrange(1, 4)]
            if not header:
                break
        header = bytes(header)
    if rng.random() < 0.5:
        header += b" " * (-len(header) % 8)
    length = len(header)
    if rng.random() < 0.1:
        length = rng.choice([0, 1, length - 1, length + 1, length + 8, 2**31, 2**32, 2**63, 2**64 - 1, 100000001]) % 2**64
    if rng.random() < 0.15:
        size = max(0, size + rng.choice([-8, -1, 1, 8, 100]))
    data = struct.pack("<Q", length) + header + bytes(size)
    if rng.random() < 0.03:
        data = data[:rng.randrange(len(data) + 1)]
    return data


def theirs(data):
    try:
        found = safetensors.deserialize(data)
    except Exception as error:  # whatever the package raises is a rejection
        return None, str(error)
    return {name: [t["dtype"], list(t["shape"])] for name, t in found}, ""


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    ours = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    both, neither, stricter, wrong = 0, 0, collections.Counter(), 0
    for i in range(count):
        data = make(rng)
        ours.stdin.write(struct.pack("<Q", len(data)) + data)
        ours.stdin.flush()
        line = ours.stdout.readline().decode()
        accepted, reason = theirs(data)
        if line.startswith("ok "):
            mine = {k: v[:2] for k, v in json.loads(line[3:]).items()}
            if accepted is None or mine != accepted:
                wrong += 1
                name = "disagreement-%d.safetensors" % i
                with open(name, "wb") as f:
                    f.write(data)
                print("%s: we accept %s; the package: %s" % (name, mine, reason or accepted))
            both += accepted is not None
        elif accepted is None:
            neither += 1
        else:
            stricter[" ".join(w for w in line.split()[1:] if not any(c.isdigit() or c in "'\"" for c in w))[:60]] += 1
    print("%d files: both accept %d, both reject %d, only we reject %d, disagreements %d" %
          (count, both, neither, sum(stricter.values()), wrong))
    for reason, n in stricter.most_common(20):
        print("  only we reject: %6d  %s" % (n, reason))
    return wrong != 0


sys.exit(main())
