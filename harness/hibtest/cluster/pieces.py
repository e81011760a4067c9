"""Files that travel: in pieces of a few MiB, without their holes, each file checked at the end."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hibtest.errors import HostError
from hibtest.store import sha256

LARGEST = 4 << 20  # bytes of a piece: what sender, scheduler and receiver have in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file that is to travel.

    :ivar name: Its path as seen from its directory.
    :ivar bytes: Its size, holes included.
    """

    name: str
    bytes: int
    sha256: str
    mode: int = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some of a file.

    :ivar start: Where it lies in the file.
    :ivar data: At most :data:`LARGEST` bytes; empty: there is nothing more but a hole.
    """

    start: int
    data: bytes


Ask = Callable[[int], Piece]


def items(directory: Path) -> tuple[Item, ...]:
    """Return all regular files below a directory; links and what else there is stay behind.

    :raise OSError: When one cannot be read.
    """
    found = (path for path in sorted(directory.rglob("*")) if not path.is_symlink())
    return tuple(_item(path, directory) for path in found if path.is_file())


def _item(path: Path, directory: Path) -> Item:
    status = path.stat()
    name = path.relative_to(directory).as_posix()
    return Item(name=name, bytes=status.st_size, sha256=sha256(path), mode=status.st_mode & 0o777)


def piece(path: Path, offset: int) -> Piece:
    """Return the next data of a file at an offset or after it, in bytes.

    :raise OSError: When it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        start = os.lseek(fd, offset, os.SEEK_DATA)
        end = os.lseek(fd, start, os.SEEK_HOLE)
        return Piece(start=start, data=os.pread(fd, min(LARGEST, end - start), start))
    except OSError as error:
        if error.errno != errno.ENXIO:  # no data after the offset
            raise
        return Piece(start=offset, data=b"")
    finally:
        os.close(fd)


def receive(item: Item, directory: Path, ask: Ask) -> None:
    """Write a file of pieces that are asked for, one after the other.

    :param ask: Returns the next data at an offset or after it.
    :raise HostError: When the name leads out of the directory, or it is not what was sent.
    :raise OSError: When it cannot be written.
    """
    path = directory / _inside(item.name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("xb") as file:
        file.truncate(item.bytes)
        offset = 0
        while (one := ask(offset)).data:
            end = one.start + len(one.data)
            if one.start < offset or end > item.bytes:
                raise HostError(f"{item.name}: a piece at {one.start} to {end} is none of it")
            file.seek(one.start)
            file.write(one.data)
            offset = end
    path.chmod(item.mode & 0o777)
    found = sha256(path)
    if found != item.sha256:
        what = f"{item.name} is not what was sent"
        raise HostError(f"{what}: SHA-256 {found[:12]}... instead of {item.sha256[:12]}...")


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise HostError(f"{name!r} is no name of a file in a directory")
    return path
