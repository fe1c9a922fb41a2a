"""Telling the C library to give memory back: the one that frames, sheets and tiles come from and go to."""

from __future__ import annotations

import ctypes
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGE, KEPT = 1 << 20, 4 << 20


@cache
def give_memory_back() -> bool:
    """Have large blocks returned when they are freed; tell whether this C library can be told (glibc can).

    By itself glibc raises both limits to the size of what was freed, a sheet's, and each thread keeps that much: some
    25 MB of a render. Blocks of ``LARGE`` bytes are mapped one by one, and ``KEPT`` bytes stay at the end of a heap.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    return all(library.mallopt(name, value) for name, value in ((M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, KEPT)))
