"""A FUSE filesystem with writeback cache: a flat directory of files, kept in files elsewhere.

What is written to it stays dirty in the page cache until the kernel asks this process to take
it, as with any filesystem on a disk; without writeback cache nothing ever is dirty.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from hibtest.probe import procfs, syscalls
from hibtest.probe.base import RUN, Facts
from hibtest.probe.detached import detach
from hibtest.probe.workloads import fuse_protocol as fuse

NODEV_NOSUID = 6  # MS_NOSUID | MS_NODEV, include/uapi/linux/mount.h
MCL_CURRENT_FUTURE = 3


class Server:
    """Answers the requests of one connection, one at a time.

    :param device: /dev/fuse, which is mounted.
    :param store: The directory that the files' contents are kept in.
    """

    def __init__(self, device: int, store: Path) -> None:
        self.device = device
        self.store = store
        self.files: list[int] = []  # descriptors; the node of the first is ROOT + 1
        self.names: dict[bytes, int] = {}
        self.answers = {
            fuse.INIT: lambda _, body: fuse.init_out(int.from_bytes(body[12:16], "little")),
            fuse.LOOKUP: lambda _, body: self.lookup(body.rstrip(b"\0")),
            fuse.GETATTR: lambda node, _: fuse.attr_out(node, self.size(node)),
            fuse.SETATTR: self.setattr,
            fuse.CREATE: lambda _, body: self.create(body[fuse.CREATE_IN.size :].rstrip(b"\0")),
            fuse.READ: self.read,
            fuse.WRITE: self.write,
            fuse.FSYNC: self.fsync,
            fuse.STATFS: lambda *_: fuse.STATFS_OUT.pack(1 << 20, 1 << 19, 1 << 19, 64, 32,
                                                         4096, 255, 4096, 0),
            **dict.fromkeys((fuse.OPEN, fuse.OPENDIR), lambda *_: fuse.OPEN_OUT.pack(0, 0, 0)),
            **dict.fromkeys(
                (fuse.FLUSH, fuse.RELEASE, fuse.RELEASEDIR, fuse.READDIR, fuse.FSYNCDIR,
                 fuse.DESTROY),
                lambda *_: b"",
            ),
        }  # fmt: skip

    def serve(self) -> None:
        """Answer until the filesystem is unmounted."""
        while True:
            try:
                request = os.read(self.device, fuse.MAX_WRITE + 4096)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue  # the request was taken back
                if error.errno == errno.ENODEV:
                    return
                raise
            self.answer(request)

    def answer(self, request: bytes) -> None:
        _, opcode, unique, node, *_ = fuse.IN.unpack_from(request)
        if opcode in fuse.SILENT:
            return
        number, reply = 0, b""
        try:
            reply = self.reply(opcode, node, request[fuse.IN.size :])
        except OSError as error:
            number = error.errno or errno.EIO
        head = fuse.OUT.pack(fuse.OUT.size + len(reply), -number, unique)
        try:
            os.write(self.device, head + reply)
        except OSError as error:
            if error.errno != errno.ENOENT:  # nobody waits for it any more
                raise

    def reply(self, opcode: int, node: int, body: bytes) -> bytes:
        answer = self.answers.get(opcode)
        if answer is None:
            raise OSError(errno.ENOSYS, "not implemented")
        return answer(node, body)

    def file(self, node: int) -> int:
        return self.files[node - fuse.ROOT - 1]

    def size(self, node: int) -> int:
        return 4096 if node == fuse.ROOT else os.fstat(self.file(node)).st_size

    def lookup(self, name: bytes) -> bytes:
        if name not in self.names:
            raise OSError(errno.ENOENT, "no such file")
        node = self.names[name]
        return fuse.entry(node, self.size(node))

    def create(self, name: bytes) -> bytes:
        if name not in self.names:
            path = self.store / os.fsdecode(name)
            self.files.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
            self.names[name] = fuse.ROOT + len(self.files)
        return self.lookup(name) + fuse.OPEN_OUT.pack(0, 0, 0)

    def setattr(self, node: int, body: bytes) -> bytes:
        valid, _, _, size = fuse.SETATTR_IN.unpack_from(body)
        if valid & fuse.FATTR_SIZE:
            os.truncate(self.file(node), size)
        return fuse.attr_out(node, self.size(node))

    def read(self, node: int, body: bytes) -> bytes:
        _, offset, size, *_ = fuse.READ_IN.unpack_from(body)
        return os.pread(self.file(node), size, offset)

    def write(self, node: int, body: bytes) -> bytes:
        _, offset, size, *_ = fuse.WRITE_IN.unpack_from(body)
        data = body[fuse.WRITE_IN.size : fuse.WRITE_IN.size + size]
        return os.pwrite(self.file(node), data, offset).to_bytes(8, "little")

    def fsync(self, node: int, _: bytes) -> bytes:
        os.fdatasync(self.file(node))
        return b""


def mount(point: Path, store: Path) -> Facts:
    """Mount such a filesystem and leave its server running.

    :return: The server, as :func:`procfs.identity` names it.
    """
    for directory in (point, store):
        directory.mkdir(parents=True, exist_ok=True)
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    syscalls.check(
        syscalls.LIBC.mount(
            b"hibtest", os.fsencode(point), b"fuse.hibtest", NODEV_NOSUID, options.encode()
        ),
        f"mount {point}",
    )
    note = RUN / f"{point.name}.server"

    def serve() -> None:
        # swap may lie on it: a server that is itself swapped out could not be swapped in
        syscalls.check(syscalls.LIBC.mlockall(MCL_CURRENT_FUTURE), "mlockall")
        note.write_text(str(os.getpid()))
        Server(device, store).serve()

    note.unlink(missing_ok=True)
    detach(serve, RUN / f"{point.name}.log")
    os.close(device)
    procfs.wait_for(lambda: procfs.number(note) is not None, 20)
    return procfs.identity(procfs.number(note) or 0)
