"""Decompressing a kernel file's payload, in bounded memory whatever it holds.

What a payload may be compressed with: Linux kernel, init/Kconfig, ``KERNEL_GZIP`` to
``KERNEL_ZSTD``, and scripts/Makefile.lib (in v6.12), which appends four bytes of size to most.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator

from hibtest.errors import KernelError
from hibtest.images.bzimage import BzImage

CHUNK = 1 << 20
LONGEST_OUTPUT = 1 << 29  # the largest kernels, with all drivers built in, have half of it

_LONGEST_INPUT = 1 << 28
_XZ_MEMORY = 192 << 20  # a dictionary of 128 MiB and the decoder, scripts/xz_wrap.sh
_ZSTD_WINDOW = 128 << 20  # zstd -22 --ultra
_LZ4_BLOCK = 8 << 20  # lib/decompress_unlz4.c, LZ4_DEFAULT_UNCOMPRESSED_CHUNK_SIZE


class PayloadError(Exception):
    """A payload that cannot be decompressed; its text goes on after "the payload"."""


class DamagedPayload(PayloadError):
    """One that is not as it was made."""


def decompress(image: BzImage) -> Iterator[bytes]:
    """Yield the kernel that a kernel file unpacks at boot, in pieces of a megabyte or so.

    :raise KernelError: When the file cannot be read, or its payload cannot be decompressed.
    """
    try:
        yield from decompress_bytes(read(image))
    except OSError as error:
        raise KernelError(f"{image.path}: {error.strerror}") from error
    except PayloadError as error:
        raise KernelError(
            f"{image.path}: the kernel in it {error}",
            hint="name its configuration with --config",
        ) from error


def read(image: BzImage) -> bytes:
    """Return the payload of a kernel file, compressed.

    :raise PayloadError: When it is longer than any.
    :raise OSError: When the file cannot be read.
    """
    if image.payload_length > _LONGEST_INPUT:
        raise PayloadError(f"is longer than {_LONGEST_INPUT >> 20} MiB")
    with image.path.open("rb") as file:
        file.seek(image.payload_offset)
        return file.read(image.payload_length)


def decompress_bytes(data: bytes) -> Iterator[bytes]:
    """Yield the content of compressed data of any kind that kernels use.

    :raise PayloadError: When it is damaged, too long, or of an unknown kind.
    """
    total = 0
    for chunk in _decoder(data)(data):
        yield chunk
        total += len(chunk)
        if total > LONGEST_OUTPUT:
            raise PayloadError(f"unpacks to more than {LONGEST_OUTPUT >> 20} MiB")


def _decoder(data: bytes) -> Callable[[bytes], Iterator[bytes]]:
    decoders = {
        b"\x1f\x8b": _gzip,
        b"\xfd7zXZ\0": _xz,
        b"BZh": _bzip2,
        b"\x5d\0\0": _xz,
        b"\x02\x21\x4c\x18": _lz4,
        b"\x28\xb5\x2f\xfd": _zstd,
    }
    for magic, decoder in decoders.items():
        if data.startswith(magic):
            return decoder
    if data.startswith(b"\x89LZO"):
        raise PayloadError("is compressed with LZO, which is not read here")
    raise PayloadError(f"is compressed in an unknown way (it starts with {data[:6].hex(' ')})")


def _gzip(data: bytes) -> Iterator[bytes]:
    stream = zlib.decompressobj(wbits=31)
    try:
        for start in range(0, len(data), CHUNK):
            piece = data[start : start + CHUNK]
            while piece and not stream.eof:
                yield stream.decompress(piece, CHUNK)
                piece = stream.unconsumed_tail
    except zlib.error as error:
        raise DamagedPayload(f"is damaged: {error}") from error


def _xz(data: bytes) -> Iterator[bytes]:
    stream = lzma.LZMADecompressor(format=lzma.FORMAT_AUTO, memlimit=_XZ_MEMORY)
    try:
        yield from _drain(stream, data)
    except lzma.LZMAError as error:
        raise DamagedPayload(f"is damaged: {error}") from error


def _bzip2(data: bytes) -> Iterator[bytes]:
    try:
        yield from _drain(bz2.BZ2Decompressor(), data)
    except OSError as error:
        raise DamagedPayload(f"is damaged: {error}") from error


def _drain(stream: lzma.LZMADecompressor | bz2.BZ2Decompressor, data: bytes) -> Iterator[bytes]:
    yield stream.decompress(data, CHUNK)
    while not (stream.eof or stream.needs_input):
        yield stream.decompress(b"", CHUNK)


def _lz4(data: bytes) -> Iterator[bytes]:
    from lz4 import block  # type: ignore[import-untyped]

    # the old frame: blocks, each after its length, of 8 MiB of output but for the last one
    offset = 4
    size = _LZ4_BLOCK
    while size == _LZ4_BLOCK and len(data) - offset > 4:  # four bytes: the appended size
        length = int.from_bytes(data[offset : offset + 4], "little")
        try:
            piece = block.decompress(
                data[offset + 4 : offset + 4 + length], uncompressed_size=_LZ4_BLOCK
            )
        except block.LZ4BlockError as error:
            raise DamagedPayload(f"is damaged: {error}") from error
        yield piece
        size = len(piece)
        offset += 4 + length


def _zstd(data: bytes) -> Iterator[bytes]:
    import zstandard

    decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame = data[:-4]  # the decoder refuses what follows a frame, such as the appended size
    try:
        with decoder.stream_reader(io.BytesIO(frame)) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except zstandard.ZstdError as error:
        raise DamagedPayload(f"is damaged: {error}") from error
