"""The header of an x86 kernel file: which release it is, and where its payload lies.

Offsets and meaning: Linux kernel, Documentation/arch/x86/boot.rst (in v6.12), boot protocol 2.12
and later, which every 64-bit kernel since v3.8 speaks.
"""

import stat
import struct
from dataclasses import dataclass
from pathlib import Path

from hibtest.errors import KernelError, SpecError

_SECTOR = 512
_HEAD = _SECTOR * 256  # setup_sects is one byte: no setup code is longer
_HEADER_END = 0x264
_BOOT_FLAG = 0xAA55
_OLDEST_PROTOCOL = 0x020C
_XLF_KERNEL_64 = 1
_LONGEST_VERSION = 1024
_HINT = "give the bzImage: arch/x86/boot/bzImage of a build, or /boot/vmlinuz-RELEASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class BzImage:
    """A kernel file that a PC boots.

    :ivar release: As ``uname -r`` prints it, such as ``6.12.107-cloud-amd64``.
    :ivar version: Release, builder and build time in one line.
    :ivar protocol: Boot protocol, such as ``(2, 15)``.
    :ivar payload_offset: Where the compressed kernel starts, in bytes from the file's start.
    :ivar payload_length: Its length in bytes.
    :ivar loaded: How many bytes of the file, from its start, are the kernel's.
    :ivar signed: Whether it carries a signature for UEFI.
    """

    path: Path
    release: str
    version: str
    protocol: tuple[int, int]
    payload_offset: int
    payload_length: int
    loaded: int
    signed: bool


def read(path: Path) -> BzImage:
    """Read the header of a bzImage.

    :raise SpecError: When it is no regular file, or a vmlinux.
    :raise KernelError: When the file cannot be read or is no whole x86-64 kernel.
    """
    head, size = _read_head(path)
    _check_magic(path, head)
    protocol = _u16(head, 0x206)
    if protocol < _OLDEST_PROTOCOL or not _u16(head, 0x236) & _XLF_KERNEL_64:
        raise KernelError(f"{path}: not an x86-64 kernel", hint=_HINT)
    setup = (head[0x1F1] or 4) * _SECTOR + _SECTOR
    loaded = setup + _u32(head, 0x1F4) * 16
    _check_whole(path, size, loaded)
    version = _version(path, head[:setup], _u16(head, 0x20E) + 0x200)
    image = BzImage(
        path=path,
        release=version.split()[0],
        version=version,
        protocol=(protocol >> 8, protocol & 0xFF),
        payload_offset=setup + _u32(head, 0x248),
        payload_length=_u32(head, 0x24C),
        loaded=loaded,
        signed=_signed(head),
    )
    _check_whole(path, size, image.payload_offset + image.payload_length)
    return image


def _read_head(path: Path) -> tuple[bytes, int]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SpecError(f"{path}: not a file", hint=_HINT)
        with path.open("rb") as file:
            return file.read(_HEAD), status.st_size
    except OSError as error:
        raise KernelError(f"{path}: {error.strerror}", hint=_HINT) from error


def _check_magic(path: Path, head: bytes) -> None:
    if head.startswith(b"\x7fELF"):
        raise SpecError(f"{path}: an ELF file (vmlinux?), not a bzImage", hint=_HINT)
    if len(head) < _HEADER_END or _u16(head, 0x1FE) != _BOOT_FLAG or head[0x202:0x206] != b"HdrS":
        raise KernelError(f"{path}: not an x86 kernel", hint=_HINT)


def _check_whole(path: Path, size: int, needed: int) -> None:
    if size < needed:
        raise KernelError(f"{path}: cut short: {size} bytes of {needed}", hint="copy it again")


def _version(path: Path, setup: bytes, offset: int) -> str:
    raw = setup[offset : offset + _LONGEST_VERSION].partition(b"\0")[0]
    text = raw.decode("ascii", "replace")
    if not text.strip() or not (text.isascii() and text.isprintable()):
        raise KernelError(f"{path}: a kernel that does not say its release", hint=_HINT)
    return text.strip()


def _signed(head: bytes) -> bool:
    """Return whether the certificate table of a PE32+ file has an entry (Microsoft's PE Format)."""
    pe = _u32(head, 0x3C)
    table = pe + 4 + 20 + 112 + 4 * 8  # signature, file header, fields, four directories before
    if table + 8 > len(head) or head[pe : pe + 4] != b"PE\0\0":
        return False
    return _u32(head, table + 4) > 0


def _u16(data: bytes, offset: int) -> int:
    value: int = struct.unpack_from("<H", data, offset)[0]
    return value


def _u32(data: bytes, offset: int) -> int:
    value: int = struct.unpack_from("<I", data, offset)[0]
    return value
