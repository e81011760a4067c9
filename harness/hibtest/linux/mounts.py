"""Lines of /proc/PID/mountinfo: proc_pid_mountinfo(5).

show_mountinfo(), fs/proc_namespace.c, 6.1 to 7.3.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A mount.

    :ivar number: Unique among all mount namespaces.
    :ivar device: ``MAJOR:MINOR`` of the filesystem's st_dev.
    :ivar root: What of the filesystem is mounted.
    :ivar point: Where; bytes that are no UTF-8 are surrogates, as :func:`os.fsdecode` has them.
    :ivar mount_options: Of this mount of it.
    :ivar options: Of the filesystem, whichever mount it is looked at through.
    """

    number: int
    device: str
    root: str
    point: str
    mount_options: tuple[str, ...]
    fstype: str
    source: str
    options: tuple[str, ...]

    @property
    def writable(self) -> bool:
        """Whether the filesystem (the superblock, not this mount of it) is writable."""
        return "rw" in self.options

    @property
    def fuse(self) -> bool:
        """Whether a process serves it through /dev/fuse."""
        return self.fstype in ("fuse", "fuseblk") or self.fstype.startswith(("fuse.", "fuseblk."))

    @property
    def connection(self) -> int:
        """The number of a FUSE filesystem's connection: its st_dev as the kernel counts it.

        new_encode is not used: fs/fuse/inode.c fuse_fill_super_common() has fc->dev = sb->s_dev,
        20 bits of minor (MINORBITS, include/linux/kdev_t.h); 6.1 to 7.3.
        """
        major, _, minor = self.device.partition(":")
        return int(major) << 20 | int(minor)


def parse(listing: bytes) -> list[Mount]:
    """Return the mounts that a file lists, in its order: what was mounted last comes last.

    :raise ValueError: When a line is none of such a file.
    """
    text = listing.decode(errors="surrogateescape")
    return [_mount(line) for line in text.split("\n") if line]


def unescaped(field: str) -> str:
    r"""Return a field as it was before the kernel wrote ``\ooo`` for blanks and backslashes.

    mangle_path(), fs/seq_file.c, 6.1 to 7.3: each escape is one character of ASCII.
    """
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), field)


def _mount(line: str) -> Mount:
    fields = line.split(" ")  # a field may be empty, or have any blank but this one
    try:
        dash = fields.index("-", 6)  # behind any number of optional fields
        fstype, source, options = fields[dash + 1 : dash + 4]
        return Mount(
            int(fields[0]),
            fields[2],
            unescaped(fields[3]),
            unescaped(fields[4]),
            tuple(fields[5].split(",")),
            unescaped(fstype),
            unescaped(source),
            tuple(options.split(",")),
        )
    except ValueError as error:
        raise ValueError(f"no line of mountinfo: {line!r:.300}") from error
