"""The FUSE protocol, as much of it as a flat directory of files needs.

include/uapi/linux/fuse.h: the same from 6.1 to 7.3 for what is used here.
"""

from __future__ import annotations

import struct

(
    LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT,
    OPENDIR, READDIR, RELEASEDIR, FSYNCDIR, CREATE, INTERRUPT, DESTROY, BATCH_FORGET,
) = 1, 2, 3, 4, 14, 15, 16, 17, 18, 20, 25, 26, 27, 28, 29, 30, 35, 36, 38, 42  # fmt: skip
SILENT = frozenset((FORGET, BATCH_FORGET, INTERRUPT))  # requests that no reply is sent to
WRITEBACK_CACHE, BIG_WRITES = 1 << 16, 1 << 5
FATTR_SIZE = 1 << 3
ROOT = 1
MAX_WRITE = 1 << 17
FOR_EVER = 3600  # seconds that names and attributes are valid: nobody changes them but the kernel

IN, OUT = struct.Struct("=IIQQIIII"), struct.Struct("=IiQ")
INIT_OUT = struct.Struct("=IIIIHHIIHHI28x")
ATTR = struct.Struct("=6Q10I")
ENTRY, ATTR_OUT = struct.Struct("=4QII"), struct.Struct("=QII")
OPEN_OUT, STATFS_OUT = struct.Struct("=QII"), struct.Struct("=5Q4I24x")
READ_IN = WRITE_IN = struct.Struct("=QQIIQII")
SETATTR_IN, CREATE_IN = struct.Struct("=IIQQ"), struct.Struct("=IIII")
DIRECTORY, FILE = 0o40755, 0o100644


def attributes(node: int, size: int) -> bytes:
    """Return struct fuse_attr of the root or of a file."""
    mode = DIRECTORY if node == ROOT else FILE
    blocks = (size + 511) // 512
    return ATTR.pack(node, size, blocks, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def entry(node: int, size: int) -> bytes:
    """Return struct fuse_entry_out of a file."""
    return ENTRY.pack(node, 1, FOR_EVER, FOR_EVER, 0, 0) + attributes(node, size)


def attr_out(node: int, size: int) -> bytes:
    """Return struct fuse_attr_out of the root or of a file."""
    return ATTR_OUT.pack(FOR_EVER, 0, 0) + attributes(node, size)


def init_out(asked: int) -> bytes:
    """Return struct fuse_init_out; ``asked`` are the flags that the kernel offers."""
    flags = asked & (WRITEBACK_CACHE | BIG_WRITES)
    return INIT_OUT.pack(7, 31, MAX_WRITE, flags, 0, 0, MAX_WRITE, 1, 0, 0, 0)
