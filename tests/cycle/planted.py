"""Defects planted in a real guest's kernel, from outside: in its memory, before it hibernates."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hibtest.cycle.proof.kernel import KernelMemory
from hibtest.cycle.proof.snapshot import Taker
from hibtest.cycle.steps import Situation, save
from hibtest.deadline import Deadline
from hibtest.machine.memory import PAGE_SIZE

Plant = Callable[[Situation, KernelMemory], None]
SUCCEED = bytes.fromhex("31c0c3")  # xor %eax,%eax; ret


def before_hibernating(monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    """Have a defect planted in each life that is about to hibernate; the guest stands still."""
    taken = save._taker

    def taker(at: Situation) -> Taker | None:
        found, memory, stops = taken(at), at.run.machine.memory, at.run.stops
        assert found is not None
        assert memory is not None
        assert stops is not None
        with stops._stopped():
            plant(at, KernelMemory(memory, found._space()))
        return found

    monkeypatch.setattr(save, "_taker", taker)


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Have a function of the kernel do nothing, and say that it did."""
    taken = save._taker

    def taker(at: Situation) -> Taker | None:
        deadline = Deadline.after(60, "the guest's list of symbols")
        with at.run.connect(at.run.watch.stage) as shell:
            lines = shell.run(f"grep -w '[tT] {name}$' /proc/kallsyms", deadline).stdout
        where = int(lines.split()[0], 16)
        with monkeypatch.context() as patch:
            patch.setattr(save, "_taker", taken)
            before_hibernating(patch, lambda _, kernel: write(kernel, where, SUCCEED))
            return save._taker(at)

    monkeypatch.setattr(save, "_taker", taker)


def read(kernel: KernelMemory, at: int, size: int) -> bytes:
    """Return what lies at an address of the kernel, within a page."""
    return kernel.page(at)[at % PAGE_SIZE : at % PAGE_SIZE + size].tobytes()


def write(kernel: KernelMemory, at: int, data: bytes) -> None:
    """Write to an address of the kernel, within a page; code that has not run yet, at that.

    Emulated code is translated when it is first run, and what is written here is not noticed.
    """
    physical = kernel.space.physical(at)
    row = int(kernel.memory.rows(np.array([physical // PAGE_SIZE]))[0])
    with _ram().open("r+b", buffering=0) as ram:
        ram.seek(row * PAGE_SIZE + physical % PAGE_SIZE)
        ram.write(data)


def _ram() -> Path:
    """Return a way to the guest's memory (hibtest/machine/debug.py), of which there is one."""
    links = [fd for fd in Path("/proc/self/fd").iterdir() if os.path.lexists(fd)]
    return next(fd for fd in links if "memfd:hibtest-ram" in str(fd.readlink()))
