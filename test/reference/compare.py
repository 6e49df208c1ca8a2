"""Compares two folders of golden files, word by word; numbers may differ by one part in a million.

    python compare.py COMMITTED MADE
"""

import math
import pathlib
import sys


def is_same(a, b):
    if a == b:
        return True
    try:
        return math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-9)
    except ValueError:
        return False


committed, made = map(pathlib.Path, sys.argv[1:])
names = sorted({p.name for folder in (committed, made) for p in folder.glob("*.txt")})
for n, name in enumerate(names, 1):
    a, b = ((folder / name).read_text().split() if (folder / name).exists() else [] for folder in (committed, made))
    same = bool(a) and len(a) == len(b) and all(map(is_same, a, b))
    print(f"{'ok' if same else 'not ok'} {n} - {name}")
print(f"1..{len(names)}")
