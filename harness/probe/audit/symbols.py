"""Variables of the running kernel, by /proc/kallsyms and /proc/kcore."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

from harness.probe.base import Lacking

# Elf64_Ehdr: where the program headers are; Elf64_Phdr: type, flags, offset, vaddr, paddr, sizes.
PHOFF, PHNUM, PHDR = 32, 56, struct.Struct("<IIQQQQQQ")
FORMATS = {1: "<B", 4: "<I", 8: "<Q"}


def addresses(names: Sequence[str]) -> dict[str, list[int]]:
    """Return the addresses of the kernel's variables of these names.

    A name may have several (static variables of different files), or none.

    :raise Lacking: When the kernel does not tell.
    """
    # Reading the list takes the kernel a while, and Python would take longer than grep.
    found: dict[str, list[int]] = {name: [] for name in names}
    for line in grep(f"^[0-9a-f]* [bBdD] ({'|'.join(names)})$", "/proc/kallsyms").splitlines():
        address, _, name = line.split()
        found[name].append(int(address, 16))
    if not any(address for known in found.values() for address in known):
        raise Lacking("/proc/kallsyms has no addresses of variables (CONFIG_KALLSYMS_ALL)")
    return found


def grep(pattern: str, path: str) -> str:
    reader, writer = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_CLOSE, reader)]
    argv = ["grep", "-E", "--", pattern, path]
    pid = os.posix_spawnp("grep", argv, os.environ, file_actions=actions)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return text


class Kcore:
    """The kernel's memory, as /proc/kcore shows it.

    :raise Lacking: When there is no such file, or it cannot be opened.
    """

    def __init__(self, path: str = "/proc/kcore") -> None:
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Lacking(f"{path}: {error.strerror}") from error
        head = os.pread(self.fd, 64, 0)
        start = struct.unpack_from("<Q", head, PHOFF)[0]
        count = struct.unpack_from("<H", head, PHNUM)[0]
        table = os.pread(self.fd, count * PHDR.size, start)
        self.segments = [(s[3], s[5], s[2]) for s in PHDR.iter_unpack(table) if s[0] == 1]

    def read(self, address: int, size: int) -> int:
        """Return a number of 1, 4 or 8 bytes.

        :raise ValueError: When there is no memory at this address.
        """
        for start, length, offset in self.segments:
            if start <= address < start + length:
                data = os.pread(self.fd, size, address - start + offset)
                return int(struct.unpack(FORMATS[size], data)[0])
        raise ValueError(f"no memory at {address:#x}")

    def close(self) -> None:
        """Close it."""
        os.close(self.fd)
