"""Whether a kernel file is whole: a damaged one boots to silence, which costs minutes to see."""

import re
import zlib

from hibtest.errors import KernelError
from hibtest.images.bzimage import BzImage
from hibtest.images.payload import DamagedPayload, PayloadError, decompress_bytes, read

# zlib's CRC-32 of a file that ends with its own CRC: Documentation/arch/x86/boot.rst
# (v6.12), "The image checksum".
_WHOLE = 0xFFFFFFFF
# The last that has it: "x86/boot: Drop CRC-32 checksum and the build tool that generates it".
_LAST_WITH_CRC = (6, 14)
_HINT = "copy or build it again"


def require_whole(image: BzImage) -> None:
    """Check a kernel file, as far as it can be told.

    :raise KernelError: When it is damaged.
    """
    try:
        _check_payload(image)
        data = image.path.read_bytes()[: image.loaded]
    except OSError as error:
        raise KernelError(f"{image.path}: {error.strerror}") from error
    if _has_crc(image) and zlib.crc32(data) != _WHOLE:
        raise KernelError(f"{image.path}: damaged: its CRC is wrong", hint=_HINT)


def _check_payload(image: BzImage) -> None:
    packed = read(image)
    try:
        size = sum(map(len, decompress_bytes(packed)))
    except DamagedPayload as error:
        raise KernelError(f"{image.path}: the kernel in it {error}", hint=_HINT) from error
    except PayloadError:
        return  # of a kind that is not read here
    # scripts/Makefile.lib appends the size to what does not end with it by itself, as gzip does
    if size & 0xFFFFFFFF != int.from_bytes(packed[-4:], "little"):
        text = f"the kernel in it is damaged: it unpacks to {size} bytes"
        raise KernelError(f"{image.path}: {text}", hint=_HINT)


def _has_crc(image: BzImage) -> bool:
    """Return whether a kernel file has a CRC: one that is signed has had it, but was changed."""
    found = re.match(r"(\d+)\.(\d+)", image.release)
    old = found is not None and (int(found[1]), int(found[2])) <= _LAST_WITH_CRC
    return old and not image.signed
