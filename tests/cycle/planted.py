"""Defects planted in a real guest's kernel, from outside: in its memory, before it hibernates."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hibtest.cycle.proof.kernel import KernelMemory
from hibtest.cycle.proof.relations import Digests
from hibtest.cycle.proof.snapshot import Taker
from hibtest.cycle.proof.stops import Action
from hibtest.cycle.steps import Situation, save
from hibtest.deadline import Deadline
from hibtest.machine.memory import PAGE_SIZE
from hibtest.machine.registers import Registers

# Given the memory and the address of a function; returns what is done when the guest comes there.
Plant = Callable[[Situation, KernelMemory, int], Action | None]
SUCCEED = bytes.fromhex("31c0c3")  # xor %eax,%eax; ret


def before_hibernating(monkeypatch: pytest.MonkeyPatch, plant: Plant, symbol: str = "") -> None:
    """Have a defect planted in each life that is about to hibernate; the guest stands still.

    :param symbol: A function of the kernel whose address is told to who plants.
    """
    taken = save._taker

    def taker(at: Situation, before: tuple[Digests, ...]) -> Taker | None:
        where = _address(at, symbol) if symbol else 0
        found, memory, stops = taken(at, before), at.run.machine.memory, at.run.stops
        assert found is not None
        assert memory is not None
        assert stops is not None
        with stops._stopped():
            kernel = KernelMemory(memory, found._space())
            later = plant(at, kernel, where)
        if later is not None:
            stops.add(where, later)
        return found

    monkeypatch.setattr(save, "_taker", taker)


def without(monkeypatch: pytest.MonkeyPatch, symbol: str) -> None:
    """Have a function of the kernel do nothing, and say that it did."""

    def plant(at: Situation, _kernel: KernelMemory, where: int) -> None:
        # by QEMU itself, which translates again what it had translated
        debugger, deadline = at.run.machine.debugger, Deadline.after(60, "the gdb stub")
        assert debugger is not None
        debugger._do(f"M{where:x},{len(SUCCEED):x}:{SUCCEED.hex()}", deadline)

    before_hibernating(monkeypatch, plant, symbol)


def ignoring(monkeypatch: pytest.MonkeyPatch, variable: str, symbol: str) -> None:
    """Have a function of the kernel find another value in a variable than there is: no limit."""

    def plant(at: Situation, kernel: KernelMemory, _where: int) -> Action:
        stops, place = at.run.stops, at.past.places.address(variable)
        assert stops is not None

        def entered(registers: Registers) -> None:
            was, back = read(kernel, place, 8), stops.word(registers.rsp)
            write(kernel, place, (1 << 40).to_bytes(8, "little"))

            def returned(_: Registers) -> None:
                stops.drop(back)
                write(kernel, place, was)

            stops.add(back, returned)

        return entered

    before_hibernating(monkeypatch, plant, symbol)


def _address(at: Situation, name: str) -> int:
    deadline = Deadline.after(60, "the guest's list of symbols")
    with at.run.connect(at.run.watch.stage) as shell:
        lines = shell.run(f"grep -w '[tT] {name}$' /proc/kallsyms", deadline).stdout
    return int(lines.split()[0], 16)


def read(kernel: KernelMemory, at: int, size: int) -> bytes:
    """Return what lies at an address of the kernel, within a page."""
    return kernel.page(at)[at % PAGE_SIZE : at % PAGE_SIZE + size].tobytes()


def write(kernel: KernelMemory, at: int, data: bytes) -> None:
    """Write to data at an address of the kernel, within a page."""
    physical = kernel.space.physical(at)
    row = int(kernel.memory.rows(np.array([physical // PAGE_SIZE]))[0])
    with _ram().open("r+b", buffering=0) as ram:
        ram.seek(row * PAGE_SIZE + physical % PAGE_SIZE)
        ram.write(data)


def _ram() -> Path:
    """Return a way to the guest's memory (hibtest/machine/debug.py), of which there is one."""
    links = [fd for fd in Path("/proc/self/fd").iterdir() if os.path.lexists(fd)]
    return next(fd for fd in links if "memfd:hibtest-ram" in str(fd.readlink()))
