"""The kernel's list of tasks, read from memory that was kept."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hibtest.cycle.proof.kernel import KernelMemory, Places
from hibtest.cycle.rollcall.btf import Btf
from hibtest.errors import GuestError
from hibtest.evidence import Task

# include/linux/sched.h, v6.1 to v7.3: what each bit of __state, and of exit_state, is called in
# /proc/PID/stat (task_state_array, fs/proc/array.c).
_LETTERS = ((0x1, "S"), (0x2, "D"), (0x4, "T"), (0x8, "t"), (0x40, "P"), (0x80, "X"))
_ZOMBIE = 0x20
_IDLE = 0x402
_UNINTERRUPTIBLE = 0x2
_STOPPED = 0x4 | 0x8
_FROZEN = 0x8000
# The same file: bits of flags.
_PF_NOFREEZE, _PF_KTHREAD, _PF_SUSPEND_TASK = 0x8000, 0x200000, 0x80000000
# Up to v6.0. v6.1 has made a state of being frozen, and has freezer_active (kernel/freezer.c).
_PF_FROZEN, _PF_FREEZER_SKIP = 0x10000, 0x40000000

_COMM = 16  # bytes, TASK_COMM_LEN
_MOST_TASKS = 1 << 16
_MOST = 64 << 20  # bytes of BTF; Debian's kernels have 4 to 6 MiB


class _Fields(NamedTuple):
    """What is read of a ``struct task_struct``."""

    state: int
    flags: int
    pid: int
    tgid: int
    exit_state: int
    mm: int
    signal: int
    comm: bytes


_FORMS = tuple(map(struct.Struct, ("<I", "<I", "<i", "<i", "<I", "<Q", "<Q", f"<{_COMM}s")))


@dataclass(frozen=True, slots=True)
class Found:
    """A task as it stands in memory.

    :ivar at: Address of its ``struct task_struct``.
    :ivar mm: Address of its ``struct mm_struct``; 0 for a thread of the kernel, or one that ended.
    :ivar held: Whether it could not run, or need not be kept from it.
    :ivar saver: Whether the kernel has marked it as the one that hibernates.
    """

    task: Task
    at: int
    mm: int
    held: bool
    saver: bool


class TaskList:
    """Reads the tasks of a kernel.

    :raise GuestError: When the kernel does not tell where its structures have what is needed.
    """

    def __init__(self, kernel: KernelMemory, places: Places) -> None:
        self.btf = Btf(_types(kernel, places))
        self._kernel = kernel
        self._old = "freezer_active" not in places.symbols
        self._head = places.address("init_task") + self._of("tasks")
        self._process, self._thread = self._of("tasks"), self._of("thread_node")
        self._threads = self.btf.offset("signal_struct", "thread_head")
        at = [self._state_at(), *map(self._of, _Fields._fields[1:])]
        self._first = min(at)
        self._size = max(at) - self._first + _COMM
        self._at = [offset - self._first for offset in at]

    def tasks(self) -> Iterator[Found]:
        """Yield every thread of every process, and all threads of the kernel but the idle ones.

        As for_each_process_thread() does (include/linux/sched/signal.h, v6.1 to v7.3).

        :raise GuestError: When a list leads to what is no memory, or has no end.
        """
        seen: set[int] = set()
        for process in self._kernel.listed(self._head):
            signal = self._read(process - self._process).signal
            for thread in self._kernel.listed(signal + self._threads):
                if thread in seen or len(seen) >= _MOST_TASKS:
                    raise GuestError(f"the kernel's list of tasks is none: {len(seen)} until now")
                seen.add(thread)
                yield self._found(thread - self._thread)

    def _of(self, member: str) -> int:
        return self.btf.offset("task_struct", member)

    def _state_at(self) -> int:
        try:
            return self._of("__state")
        except GuestError:
            return self._of("state")  # up to v5.13

    def _read(self, task: int) -> _Fields:
        data = self._kernel.read(task + self._first, self._size)
        pairs = zip(_FORMS, self._at, strict=True)
        return _Fields(*(form.unpack_from(data, at)[0] for form, at in pairs))

    def _found(self, at: int) -> Found:
        fields = self._read(at)
        flags, state, ended = fields.flags, fields.state, fields.exit_state
        kernel = bool(flags & _PF_KTHREAD)
        frozen = flags & _PF_FROZEN if self._old else state & _FROZEN
        skipped = self._old and flags & _PF_FREEZER_SKIP
        # a thread of the kernel; or a process in lock_system_sleep(), kernel/power/main.c
        exempt = flags & _PF_NOFREEZE and (kernel or state & _UNINTERRUPTIBLE)
        task = Task(
            pid=fields.pid,
            process=fields.tgid,
            name=fields.comm.split(b"\0")[0].decode(errors="replace"),
            state="F" if frozen else _letter(state, ended),
            kernel=kernel,
        )
        held = bool(frozen or ended or skipped or exempt or state & _STOPPED)
        return Found(task, at, fields.mm, held, bool(flags & _PF_SUSPEND_TASK))


def _types(kernel: KernelMemory, places: Places) -> bytes:
    """Return the kernel's BTF (include/asm-generic/vmlinux.lds.h, v6.1 to v7.3)."""
    if not {"__start_BTF", "__stop_BTF"} <= {*places.symbols}:
        raise GuestError("the kernel does not describe its structures (CONFIG_DEBUG_INFO_BTF)")
    begin, end = places.address("__start_BTF"), places.address("__stop_BTF")
    if not 0 < end - begin <= _MOST:
        raise GuestError(f"the kernel's BTF cannot be {end - begin} bytes long")
    return kernel.read(begin, end - begin)


def _letter(state: int, ended: int) -> str:
    if ended:
        return "Z" if ended & _ZOMBIE else "X"
    if state & _IDLE == _IDLE:
        return "I"
    return next((letter for bit, letter in _LETTERS if state & bit), "R")
