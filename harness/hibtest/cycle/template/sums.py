"""What files hold, as SHA-256. A file is read again only when it has changed."""

from contextlib import suppress
from pathlib import Path

import msgspec

from hibtest.store import sha256, write_json

_KEPT = 200  # files that are remembered

Known = dict[str, tuple[list[int], str]]


class Sums:
    """SHA-256 of files, remembered in a file.

    A file counts as unchanged while its device, inode, size and both its times are: whatever is
    written to it changes the later one (ctime), which nobody can set.

    :param memory: The file; what cannot be read in it, or written to it, costs time alone.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._known = _recalled(memory)

    def of(self, path: Path) -> str:
        """Return the SHA-256 of a file in hex digits.

        :raise OSError: When it cannot be read.
        """
        status = path.stat()
        now = [
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        ]
        known = self._known.pop(str(path), None)
        found = known[1] if known is not None and known[0] == now else sha256(path)
        self._known[str(path)] = now, found  # the newest stands last
        if known is None or known[1] != found or known[0] != now:
            self._remember()
        return found

    def _remember(self) -> None:
        newest = dict(list(self._known.items())[-_KEPT:])
        with suppress(OSError):
            self._memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_json(self._memory, newest)


def _recalled(memory: Path) -> Known:
    try:
        return msgspec.json.decode(memory.read_bytes(), type=Known)
    except (OSError, msgspec.DecodeError):
        return {}
