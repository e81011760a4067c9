"""AES in XTS mode, many sectors at a time.

IEEE 1619-2007, section 5: a sector's first 16 bytes are encrypted under the tweak E(key 2, number),
each further 16 under the one before times alpha, in GF(2^128) with x^128 + x^7 + x^2 + x + 1.
The library's own XTS takes one sector a call, which is too slow for an image.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

SECTOR = 512  # what sectors are counted in, whatever their size (drivers/md/dm-crypt.c, 6.12)
_UNIT = 16


def decrypt(data: memoryview, key: bytes, number: int, sector_size: int) -> None:
    """Decrypt sectors in place.

    :param data: Whole sectors.
    :param key: Both keys, one after the other.
    :param number: Of the first one, counted in 512 bytes; the ``plain64`` initial vector.
    :param sector_size: Bytes of a sector.
    """
    half = len(key) // 2
    count = len(data) // sector_size
    numbers = np.uint64(number) + np.arange(count, dtype=np.uint64) * np.uint64(
        sector_size // SECTOR
    )
    tweaks = _tweaks(key[half:], numbers, sector_size // _UNIT)
    words = np.frombuffer(data, np.uint64).reshape(tweaks.shape)
    words ^= tweaks
    words[:] = np.frombuffer(_ecb(key[:half]).decryptor().update(data), np.uint64).reshape(
        tweaks.shape
    )
    words ^= tweaks


def _tweaks(key: bytes, numbers: NDArray[np.uint64], units: int) -> NDArray[np.uint64]:
    """Return the tweak of each 16 bytes, as two little-endian words: (sectors, units, 2)."""
    vectors = np.zeros((len(numbers), 2), np.uint64)
    vectors[:, 0] = numbers
    first = np.frombuffer(_ecb(key).encryptor().update(vectors.tobytes()), np.uint64)
    tweaks = np.empty((len(numbers), units, 2), np.uint64)
    tweaks[:, 0] = first.reshape(-1, 2)
    one, top, reduced = np.uint64(1), np.uint64(63), np.uint64(0x87)
    for unit in range(1, units):
        low, high = tweaks[:, unit - 1, 0], tweaks[:, unit - 1, 1]
        tweaks[:, unit, 0] = low << one ^ (high >> top) * reduced
        tweaks[:, unit, 1] = high << one | low >> top
    return tweaks


def _ecb(key: bytes) -> Cipher[modes.ECB]:
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - the building block of XTS
