"""A kernel that is made up, with tasks and what it says of its structures (BTF)."""

import struct
from collections.abc import Mapping, Sequence

from hibtest.cycle.proof.kernel import KernelMemory, Places, Space
from hibtest.cycle.proof.x86_64 import KERNEL_MAP
from tests.cycle.kernels import OFFSET, Ram

FROZEN, KTHREAD, NOFREEZE, SUSPENDS = 0x8000, 0x200000, 0x8000, 0x80000000
USER, WRITABLE, LARGE = 0x5, 0x2, 0x80
PAGE = 4096

_TASK = {
    "tasks": 64,
    "thread_node": 80,
    "__state": 24,
    "flags": 44,
    "pid": 96,
    "tgid": 100,
    "exit_state": 104,
    "mm": 112,
    "signal": 128,
    "comm": 136,
}
_BTF, _INIT, _TASKS = 0x1000, 0x3000, 0x4000  # physical; a task takes 512 bytes
_SIGNALS, _MMS = 0x10000, 0x12000
_THREAD_HEAD, _PGD = 16, 24


def btf(
    structures: Mapping[str, Mapping[str, int]], inner: Mapping[str, int] | None = None
) -> bytes:
    """Return what a kernel says of structures: their members, and the byte where each begins.

    :param inner: Members of a structure without a name, 8 bytes into the first of them.
    """
    strings, types = bytearray(b"\0"), []

    def name(text: str) -> int:
        strings.extend(text.encode() + b"\0")
        return len(strings) - len(text) - 1

    def members(given: Mapping[str, int]) -> list[bytes]:
        return [struct.pack("<III", name(one), 1, at * 8) for one, at in given.items()]

    def structure(called: int, rows: list[bytes]) -> bytes:
        return struct.pack("<III", called, 4 << 24 | len(rows), 1024) + b"".join(rows)

    types.append(struct.pack("<IIII", name("int"), 1 << 24, 4, 32))
    types.append(structure(0, members(inner or {})))
    for number, (called, given) in enumerate(structures.items()):
        rows = members(given)
        if inner and not number:
            rows.insert(0, struct.pack("<III", 0, 2, 8 * 8))
        types.append(structure(name(called), rows))
    body = b"".join(types)
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(body), len(body), len(strings))
    return header + body + strings


class Linux(Ram):
    """64 pages of RAM with a kernel's list of tasks."""

    def __init__(self, *, old: bool = False) -> None:
        super().__init__(64)
        types = btf(
            {
                "task_struct": _TASK,
                "signal_struct": {"thread_head": _THREAD_HEAD},
                "mm_struct": {"pgd": _PGD},
            }
        )
        self.put(_BTF, types)
        symbols = {"init_task": _INIT, "__start_BTF": _BTF, "__stop_BTF": _BTF + len(types)}
        if not old:
            symbols["freezer_active"] = 0x800
        self.space = Space()
        self.places = Places(
            symbols={one: [(KERNEL_MAP + at, KERNEL_MAP + at + 8)] for one, at in symbols.items()}
        )
        self._processes: list[int] = []
        self._count = 0
        self._link(_INIT + _TASK["tasks"], [], base=KERNEL_MAP)

    @property
    def kernel(self) -> KernelMemory:
        """Its memory."""
        return KernelMemory(self.memory, self.space)

    def process(self, *threads: Mapping[str, int | bytes], mm: int = 0) -> None:
        """Add a process with its threads; what is not given of each is zero.

        :param mm: Physical address of its uppermost page table.
        """
        number = len(self._processes)
        signal, space = _SIGNALS + 64 * number, _MMS + 64 * number
        tasks = [_TASKS + 512 * (self._count + index) for index in range(len(threads))]
        self._count += len(threads)
        for at, given in zip(tasks, threads, strict=True):
            self._task(at, given)
            self.words(at + _TASK["signal"], OFFSET + signal)
            if mm:
                self.words(at + _TASK["mm"], OFFSET + space)
        self.words(space + _PGD, OFFSET + mm)
        self._link(signal + _THREAD_HEAD, [at + _TASK["thread_node"] for at in tasks])
        self._processes.append(tasks[0] + _TASK["tasks"])
        self._link(_INIT + _TASK["tasks"], self._processes, base=KERNEL_MAP)

    def _task(self, at: int, given: Mapping[str, int | bytes]) -> None:
        for name, value in given.items():
            data = value if isinstance(value, bytes) else struct.pack("<I", value)
            self.put(at + _TASK[{"state": "__state"}.get(name, name)], data)

    def _link(self, head: int, members: Sequence[int], base: int = OFFSET) -> None:
        chain = [base + head, *(OFFSET + member for member in members)]
        for here, after in zip(chain, [*chain[1:], chain[0]], strict=True):
            self.words(here - (base if here == chain[0] else OFFSET), after)

    def table(self, page: int, entries: Mapping[int, int]) -> None:
        """Write a page table's entries, by their number."""
        for number, entry in entries.items():
            self.words(page * PAGE + number * 8, entry)
