"""Telling the C library to give memory back: the one that frames, sheets and tiles come from and go to."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGE = 4 << 20


def give_memory_back(frame_bytes: int) -> bool:
    """Have large blocks returned when they are freed; tell whether this C library can be told (glibc can).

    By itself glibc raises both limits to the size of what was freed, a sheet's, and each thread keeps twice that much:
    some 25 MB of a render. Blocks of ``LARGE`` bytes are mapped one by one, and as much stays at the end of a heap.

    :param frame_bytes: what a frame takes. Each is copied once to be drawn on; were its copy mapped anew every time, it
        would come page by page from the system, which costs six times what copying the picture does.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    large = max(LARGE, frame_bytes * 9 // 8)  # lines and rows are padded
    return all(library.mallopt(name, large) for name in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD))
