"""The compressors: zlib is always there, lz4 and zstd where Debian's packages are."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from typing import NamedTuple

from hibtest.agent.errors import AgentError, BadImage

_PACKAGES = {"lz4": "python3-lz4", "zstd": "python3-zstandard"}


class Codec(NamedTuple):
    """One way of making pages smaller.

    :ivar compress: From bytes to fewer bytes.
    :ivar decompress: Back, given how many there were.
    """

    name: str
    compress: Callable[[memoryview], bytes]
    decompress: Callable[[bytes, int], bytes]


def codec(name: str) -> Codec:
    """Return the codec of a name, all of it imported and tried once.

    :raise AgentError: When it is not installed.
    """
    try:
        made = _MAKERS[name]()
    except ImportError as error:
        raise AgentError(
            f"--compress {name} needs Python's module {error.name}",
            f"apt-get install {_PACKAGES[name]}, or choose zlib or none",
        ) from error
    sample = bytes(4096)
    if made.decompress(made.compress(memoryview(sample)), len(sample)) != sample:
        raise AgentError(f"the codec {name} does not give back what it was given")
    return made


def _none() -> Codec:
    return Codec("none", bytes, lambda data, _: data)


def _zlib() -> Codec:
    def decompress(data: bytes, length: int) -> bytes:
        try:
            return zlib.decompressobj().decompress(data, length)
        except zlib.error as error:
            raise BadImage(f"zlib: {error}") from error

    return Codec("zlib", lambda data: zlib.compress(data, 1), decompress)


def _lz4() -> Codec:
    block = importlib.import_module("lz4.block")

    def decompress(data: bytes, length: int) -> bytes:
        try:
            found: bytes = block.decompress(data, uncompressed_size=length)
        except block.LZ4BlockError as error:
            raise BadImage(f"lz4: {error}") from error
        return found

    return Codec("lz4", lambda data: block.compress(data, store_size=False), decompress)


def _zstd() -> Codec:
    zstandard = importlib.import_module("zstandard")
    compressor = zstandard.ZstdCompressor(level=1)
    decompressor = zstandard.ZstdDecompressor()

    def decompress(data: bytes, length: int) -> bytes:
        try:
            if zstandard.frame_content_size(data) > length:  # it would take the memory at once
                raise BadImage(f"zstd: a frame of more than {length} bytes")
            found: bytes = decompressor.decompress(data, max_output_size=length)
        except zstandard.ZstdError as error:
            raise BadImage(f"zstd: {error}") from error
        return found

    return Codec("zstd", compressor.compress, decompress)


_MAKERS = {"none": _none, "zlib": _zlib, "lz4": _lz4, "zstd": _zstd}
