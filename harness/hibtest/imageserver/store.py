"""The file that holds an image: the commit record, then the stream.

While an image is received it has another name. It gets its own once it is whole and on the
disk, so a file of that name is never half an image.
"""

import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedRandom, BufferedReader
from pathlib import Path

from hibtest.errors import HostError
from hibtest.imageserver.frames import (
    RECORD_MAGIC,
    RECORD_SIZE,
    USED_MAGIC,
    Nothing,
    Refusal,
    parse_record,
)

_PRIVATE = 0o600  # an image is all of a machine's memory


class Upload:
    """An image that is being received; made by :meth:`Store.upload`."""

    def __init__(self, file: BufferedRandom, part: Path, path: Path) -> None:
        self._file = file
        self._part = part
        self._path = path

    def write(self, data: memoryview) -> None:
        """Append to the stream."""
        self._file.write(data)

    def commit(self, record: bytes) -> None:
        """Make this the image; it is on the disk when this returns."""
        self._file.seek(0)
        self._file.write(record)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._part.rename(self._path)
        _sync_directory(self._path.parent)


@dataclass(frozen=True, slots=True)
class Image:
    """An image that can be resumed; made by :meth:`Store.image`.

    :ivar record: Its commit record, 4096 bytes.
    :ivar size: Bytes of its stream.
    :ivar stream: The stream, at its beginning.
    """

    record: bytes
    size: int
    stream: BufferedReader


class Store:
    """The place of one machine's image; made by :func:`open_store`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._uploading = threading.Lock()
        self._changing = threading.Lock()

    @contextmanager
    def upload(self, size_hint: int) -> Iterator[Upload]:
        """Receive an image; when the block is left before its commit, nothing of it is left.

        :raise Refusal: When another is being received, or there is no room for it.
        """
        if not self._uploading.acquire(blocking=False):
            raise Refusal("another image is being received")
        try:
            self._want_room(size_hint)
            with self._new_part() as file:
                file.seek(RECORD_SIZE)
                yield Upload(file, self._part, self._path)
        finally:
            self._part.unlink(missing_ok=True)
            self._uploading.release()

    @contextmanager
    def image(self) -> Iterator[Image]:
        """Open the image.

        :raise Nothing: When there is none, or it was consumed.
        :raise Refusal: When it is damaged.
        """
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            raise Nothing("there is no image") from None
        with file:
            raw = file.read(RECORD_SIZE)
            if raw.startswith(USED_MAGIC):
                raise Nothing("the image was consumed: it cannot be resumed again")
            record = parse_record(raw.ljust(RECORD_SIZE, b"\0"))
            size = os.fstat(file.fileno()).st_size - RECORD_SIZE
            if size != record.stored:
                raise Refusal(f"the image is damaged: {size} bytes of {record.stored} are there")
            yield Image(raw, size, file)

    def consume(self, record: bytes) -> None:
        """Have the image of this record never be resumed again; on the disk when this returns.

        :raise Refusal: When it was consumed already, or is there no more.
        """
        with self._changing:
            if self._record() != record:
                raise Refusal("the image was consumed, or replaced, by somebody else")
            self._mark_used()

    def retire(self) -> bool:
        """Have whatever image is there never be resumed again, and return whether there was one.

        A machine that lives is not asleep in its image: to resume that would undo, under the
        feet of its filesystems, all that was written since.
        """
        with self._changing:
            if not self._record().startswith(RECORD_MAGIC):
                return False
            self._mark_used()
            return True

    def _record(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                return file.read(RECORD_SIZE)
        except FileNotFoundError:
            return b""

    def _mark_used(self) -> None:
        with self._path.open("r+b") as file:
            file.write(USED_MAGIC)
            file.flush()
            os.fsync(file.fileno())

    def _want_room(self, size: int) -> None:
        room = os.statvfs(self._path.parent)
        free = room.f_bavail * room.f_frsize
        if size > free:
            raise Refusal(
                f"the server has room for {free >> 20} MiB, the image may need {size >> 20} MiB"
            )

    def _new_part(self) -> BufferedRandom:
        self._part.unlink(missing_ok=True)
        fd = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
        return os.fdopen(fd, "w+b")


@contextmanager
def open_store(path: Path, *, overwrite: bool = False) -> Iterator[Store]:
    """Open the place of an image, for one server alone; what a killed server left goes.

    :param overwrite: Whether the file may hold something else, which is lost then.
    :raise HostError: When the directory cannot be written, another server has the place, or
        it holds something that is no image of ours.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
    except OSError as error:
        raise HostError(f"{error.filename}: {error.strerror}", hint="store it elsewhere") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _require_ours(path, overwrite=overwrite)
        path.with_name(f"{path.name}.part").unlink(missing_ok=True)
        yield Store(path)
    except BlockingIOError as error:
        raise HostError(
            f"another server stores to {path}", hint="end it, or use another file"
        ) from error
    finally:
        os.close(fd)


def _require_ours(path: Path, *, overwrite: bool) -> None:
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(facts.st_mode):
        raise HostError(f"{path} is no file, and cannot keep an image", hint="name another")
    with path.open("rb") as file:
        begin = file.read(len(RECORD_MAGIC))
    if begin and begin not in (RECORD_MAGIC, USED_MAGIC) and not overwrite:
        raise HostError(
            f"{path} holds something that is no image, and would be overwritten",
            hint="name another file, or say --overwrite: what it holds is lost",
        )


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
