"""Where a large file is cut: at places its bytes decide, so that an insertion changes the chunks around it only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyfastcdc import FastCDC

LARGEST_WHOLE = 128 * 1024
"""Bytes of a file that is one chunk, at most: finding half of such a file again would gain nothing."""

SMALLEST_CHUNK = 16 * 1024
USUAL_CHUNK = 64 * 1024
LARGEST_CHUNK = 256 * 1024

BUFFER = 4 * 1024 * 1024
"""Bytes of a large file that are held at a time."""


def chunks_of(read_into: Callable[[memoryview], int], buffer: bytearray) -> Iterator[memoryview]:
    """The chunks of what `read_into` gives, in order; each is gone when the next one is asked for.

    `buffer` is what is read into; it must hold more than one chunk. Equal bytes are cut in equal places.
    """
    room = memoryview(buffer)
    filled = 0
    ended = False
    while not ended:
        while filled < len(buffer) and not ended:
            count = read_into(room[filled:])
            filled += count
            ended = count == 0
        begin = 0
        for chunk in _cutter().cut_buf(room[:filled]):
            if not ended and filled - begin < LARGEST_CHUNK:
                break  # where this one ends may depend on what was not read yet
            yield room[begin : begin + chunk.length]
            begin += chunk.length
        filled -= begin
        room[:filled] = room[begin : begin + filled]


@cache
def _cutter() -> FastCDC:
    from pyfastcdc import FastCDC

    return FastCDC(USUAL_CHUNK, min_size=SMALLEST_CHUNK, max_size=LARGEST_CHUNK)
