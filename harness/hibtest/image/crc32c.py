"""The kernel's CRC-32C, with no inversion at the end: crc32c(), include/linux/crc32c.h (6.1)."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78
ONES = 0xFFFFFFFF


@cache
def _table() -> NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table


@cache
def _row() -> tuple[int, ...]:
    return tuple(_table().tolist())


def crc32c(crc: int, data: bytes) -> int:
    """Return the checksum of what came before, ``ONES`` at first, and these bytes."""
    row = _row()
    for byte in data:
        crc = row[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc


@cache
def _places(length: int) -> NDArray[np.uint32]:
    """Return what each byte at each place adds to the checksum of a row of zeros."""
    table = _table()
    places = np.empty((length, 256), np.uint32)
    places[-1] = table
    for at in range(length - 2, -1, -1):
        places[at] = table[places[at + 1] & 0xFF] ^ (places[at + 1] >> 8)
    return places


def crc32c_each(rows: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the checksum of each of many rows that are as long as each other.

    Checksums are linear, so that each byte counts by itself. Takes 4 bytes of memory for each.
    """
    length = rows.shape[1]
    added = _places(length)[np.arange(length), rows]
    sums: NDArray[np.uint32] = np.bitwise_xor.reduce(added, axis=1)
    return sums ^ np.uint32(crc32c(ONES, bytes(length)))
