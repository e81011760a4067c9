"""What a qcow2 file leads to: the disk that it lies on, and one that has its data.

QEMU opens whatever stands there: any file that its user may read, and protocols that speak to
other machines. So it is read here first, and QEMU is told by name and descriptor what to open.
The header: QEMU, docs/interop/qcow2.txt (10.0).
"""

import os
import struct
from dataclasses import dataclass

from hibtest.errors import HostError

MAGIC = b"QFI\xfb"
_HEADER = struct.Struct(">4sIQI")  # magic, version, offset and length of the backing file's name
_FEATURES = struct.Struct(">Q")
_FEATURES_AT, _LENGTH_AT = 72, 100
_EXTERNAL_DATA = 1 << 2  # of the incompatible features
_EXTENSION = struct.Struct(">II")
_ENDS, _BACKING_FORMAT, _DATA_FILE = 0, 0xE2792ACA, 0x44415441
_MOST = 1023  # bytes of a name
_MOST_EXTENSIONS = 64
_FARTHEST = 1 << 32  # the header, with all names, lies in the first cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Leads:
    """Where a qcow2 file leads to; empty: nowhere.

    :ivar backing: The disk that it lies on, as it is written there.
    :ivar backing_format: Such as ``raw``; empty when nothing is said.
    :ivar data: The file that has its data.
    """

    backing: str = ""
    backing_format: str = ""
    data: str = ""


def leads(fd: int, name: str) -> Leads | None:
    """Read where a disk leads to; ``None`` when it is no qcow2 disk.

    :param name: What it is called in messages.
    :raise HostError: When it cannot be read, or its header is none.
    """
    try:
        head = os.pread(fd, _LENGTH_AT + 4, 0)
        if not head.startswith(MAGIC):
            return None
        if len(head) < _LENGTH_AT + 4:
            raise HostError(f"{name}: a qcow2 disk that ends in its header")
        return _leads(fd, name, head)
    except OSError as error:
        raise HostError(f"{name}: cannot read: {error.strerror}") from error


def _leads(fd: int, name: str, head: bytes) -> Leads:
    _, version, at, length = _HEADER.unpack_from(head)
    if length > _MOST or at > _FARTHEST:
        where = f"{length} bytes at {at}"
        raise HostError(f"{name}: a qcow2 disk whose backing file has a name of {where}")
    backing = _text(os.pread(fd, length, at)) if at and length else ""
    features = _FEATURES.unpack_from(head, _FEATURES_AT)[0] if version > 2 else 0
    begin = int.from_bytes(head[_LENGTH_AT:], "big") if version > 2 else 72
    found = _extensions(fd, begin)
    data = found.get(_DATA_FILE, "") or "(without a name)" if features & _EXTERNAL_DATA else ""
    return Leads(backing=backing, backing_format=found.get(_BACKING_FORMAT, ""), data=data)


def _extensions(fd: int, at: int) -> dict[int, str]:
    found: dict[int, str] = {}
    for _ in range(_MOST_EXTENSIONS):
        head = os.pread(fd, _EXTENSION.size, at)
        kind, length = _EXTENSION.unpack(head.ljust(_EXTENSION.size, b"\0"))
        if kind == _ENDS:
            break
        found[kind] = _text(os.pread(fd, min(length, _MOST), at + _EXTENSION.size))
        at += _EXTENSION.size + (length + 7) // 8 * 8
    return found


def _text(raw: bytes) -> str:
    return os.fsdecode(raw)
