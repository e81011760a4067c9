"""Variables of the running kernel, by /proc/kallsyms and /proc/kcore."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hibtest.probe.base import Lacking

# Elf64_Ehdr: where the program headers are; Elf64_Phdr: type, flags, offset, vaddr, paddr, sizes.
PHOFF, PHNUM, PHDR = 32, 56, struct.Struct("<IIQQQQQQ")
FORMATS = {1: "<B", 4: "<I", 8: "<Q"}
VARIABLES = "bBdD"
# Lines that are read after a symbol's, to see where it ends: some share their address.
AFTER = 4


class Symbol(NamedTuple):
    """A symbol of the kernel: its name, kind (as nm says) and where it lies.

    It ends where the next one begins; ``first`` when that is not known.
    """

    name: str
    kind: str
    first: int
    end: int


def table(names: Sequence[str]) -> list[Symbol]:
    """Return the kernel's symbols of these names, which are regular expressions of grep -E.

    A name may have several (static variables of different files), or none.

    :raise Lacking: When the kernel does not tell.
    """
    # Reading the list takes the kernel a while, and Python would take longer than grep.
    pattern = "|".join(names)
    text = grep(f"^[0-9a-f]* . ({pattern})$", "/proc/kallsyms", f"-A{AFTER}")
    wanted = re.compile(pattern)
    found = [symbol for group in text.split("--\n") for symbol in parse(group, wanted)]
    if not any(symbol.first for symbol in found):
        raise Lacking("/proc/kallsyms has no addresses of variables (CONFIG_KALLSYMS_ALL)")
    return found


def parse(text: str, wanted: re.Pattern[str]) -> Iterator[Symbol]:
    """Yield the symbols of these names in lines of /proc/kallsyms that follow each other."""
    lines = [line.split() for line in text.splitlines()]
    for number, (address, kind, name, *module) in enumerate(lines):
        if module or not wanted.fullmatch(name):
            continue
        first = int(address, 16)
        later = (int(line[0], 16) for line in lines[number + 1 :])
        yield Symbol(name, kind, first, next((at for at in later if at > first), first))


def addresses(symbols: Sequence[Symbol], names: Sequence[str]) -> dict[str, list[int]]:
    """Return the addresses of variables of these names.

    In 7.3 some of them are of a kind that is said to be code, so behind ``_etext``, when that is
    among the symbols, all are.
    """
    code = next((one.first for one in symbols if one.name == "_etext"), None)
    known = [s for s in symbols if s.kind in VARIABLES or (code is not None and s.first > code)]
    return {name: [one.first for one in known if one.name == name] for name in names}


def grep(pattern: str, path: str, *options: str) -> str:
    reader, writer = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_CLOSE, reader)]
    argv = ["grep", "-E", *options, "--", pattern, path]
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
