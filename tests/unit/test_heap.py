"""How the process keeps its memory, seen from within a process of its own."""

import gc
import subprocess
import sys

PROGRAM = """
import ctypes, gc
from mltask_operator import heap

heap.keep_compact()
for size in range(1, 5):
    bytes(size * 1_000_000)  # glibc would take these sizes for usual ones from now on
before, block = mapped(), bytes(900_000)
print(mapped() - before > 900_000, *gc.get_threshold())
"""
MAPPED = """
import ctypes

class Info(ctypes.Structure):
    _fields_ = [(f"field_{n}", ctypes.c_size_t) for n in range(10)]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info

def mapped():
    return libc.mallinfo2().field_4  # hblkhd: bytes in mappings of their own
"""


def test_large_blocks_go_back_to_the_system_however_many_there_were() -> None:
    command = [sys.executable, "-c", MAPPED + PROGRAM]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert told == ["True", "20000", *map(str, gc.get_threshold()[1:])]
