"""AES-XTS, many sectors at a time, against the library's."""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from hibtest.image import xts
from hibtest.image.header import PAGE_SIZE


@given(
    seed=st.integers(0, 1 << 32),
    key_size=st.sampled_from([32, 64]),
    number=st.integers(0, (1 << 61) - 64),
    size=st.sampled_from([512, 1024, 2048, 4096]),
)
def test_xts_is_the_library_s(seed: int, key_size: int, number: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    data, key = rng.bytes(PAGE_SIZE), rng.bytes(key_size)
    memory = bytearray(data)
    xts.decrypt(memoryview(memory), key, number, size)
    encrypted = b"".join(
        Cipher(algorithms.AES(key), modes.XTS((number + at // 512).to_bytes(16, "little")))
        .encryptor()
        .update(bytes(memory[at : at + size]))
        for at in range(0, len(memory), size)
    )
    assert encrypted == data
