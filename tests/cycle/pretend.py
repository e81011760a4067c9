"""Machines that are only pretended: a console on a real socket, QEMU's events, a guest's shell.

A *scene* is what the guest does in a boot. It is called when the machine starts; what the guest
does when it is told to hibernate, and what its probe answers, it leaves at the machine::

    def refuses(machine: Machine) -> None:
        machine.prints(*log("trixie", "save", until=BEGINS))
        machine.hibernates = lambda words: machine.prints(*log("trixie", "no-swap"))

What the guest prints is what real guests printed: tests/story/klog.
"""

import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hibtest import runner
from hibtest.cycle import boot
from hibtest.deadline import Deadline
from hibtest.errors import GuestError
from hibtest.evidence import Exit
from hibtest.machine.monitor import Event
from hibtest.machine.shape import MachineSpec
from hibtest.reach.shell import Result
from tests.cycle.monitors import Monitor

LOGS = Path(__file__).parents[1] / "story" / "klog"
BEGINS = "hibernate platform begins"
AUDIT = "hibtest: audit"
PAGE = 4096
_HEADER = struct.Struct("<IIQI10s10s")
_FLAGS = 1 | 4  # PLATFORM_MODE, CRC32_MODE
WITNESSES = {"eventfd": {"value": 7}}
LEVELS: dict[str, Any] = {
    "free": 200_000, "available": 300_000, "slab": 20_000, "used": 90_000, "swap": 0, "nobodys": 0,
    "files": 300, "own": 60, "realtime": 1e9, "monotonic": 5.0, "boottime": 6.0, "rtc": None,
}  # fmt: skip
GRAPH = "digraph { pretended }\n"
EXERCISES = ("oom-killer", "loop")


def log(kernel: str, what: str, *, since: str = "", until: str = "") -> list[str]:
    """Return lines that a real guest has printed.

    :param since: The first of them has this in it.
    :param until: The first that has this is not among them.
    """
    lines = (LOGS / f"{kernel}-{what}.log").read_text().splitlines()
    first = next(n for n, line in enumerate(lines) if since in line)
    last = next((n for n, line in enumerate(lines) if until and until in line), len(lines))
    return lines[first:last]


class Machine:
    """A QEMU process and its guest.

    :ivar directory: Of this boot, in the run's.
    :ivar console: Our end of the guest's console; ``guest`` is the other.
    :ivar hibernates: What the guest does when it is told to hibernate, in these words.
    :ivar boot_id: What the guest calls this boot.
    :ivar answers: What the probe answers to a command; ``commands``: what it was told, and
        ``limits``: seconds that each was given.
    :ivar lost: Commands that never come back: the connection breaks.
    :ivar breaks: Commands at which the connection breaks, each once; another can be made.
    :ivar says: Status and output of commands of which this is a part.
    :ivar when: What happens in the guest before it answers to a command.
    :ivar debugger: What stops the guest, and ``memory`` what it holds: tests/cycle/kernels.py.
    """

    debugger: Any = None
    memory: Any = None

    def __init__(self, directory: Path, spec: MachineSpec | None = None) -> None:
        self.directory = directory
        self.spec = spec
        self.console, self.guest = socket.socketpair()
        self.monitor = Monitor()
        self.argv = ("qemu",)
        self.ssh_port = 0
        self.ended: Exit | None = None
        self.fd = os.eventfd(0)
        self.hibernates: Callable[[str], None] = lambda _: None
        self.boot_id = "first"
        self.answers = Answers()
        self.commands: list[str] = []
        self.limits: list[float] = []
        self.lost: tuple[str, ...] = ()
        self.swap_page = 0  # of the swap's header
        self.says: dict[str, Callable[[], tuple[int, str]]] = {}
        self.breaks: list[str] = []
        self.when: dict[str, Callable[[], None]] = {}
        self._ending = threading.Lock()  # whoever gives an order has a thread of his own

    def close(self) -> None:
        """Give back what it holds."""
        with self._ending:
            self.console.close()
            self.guest.close()
            os.close(self.fd)
            os.close(self.monitor.fd)
            if self.debugger is not None:
                os.close(self.debugger.fd)

    @property
    def swap(self) -> Path:
        """The disk that the guest's swap is on."""
        return self.directory.parent / "swap.raw"

    def fileno(self) -> int:
        """Return what can be read when QEMU has ended."""
        return self.fd

    def exit(self) -> Exit | None:
        """Return how QEMU ended."""
        return self.ended

    def prints(self, *lines: str) -> None:
        """Print on the console."""
        self.guest.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def tells(self, name: str, **data: object) -> None:
        """Send an event."""
        self.monitor.queue.append(Event(name=name, at=time.monotonic(), data=data))
        os.eventfd_write(self.monitor.fd, 1)

    def ends(self, returncode: int | None = 0) -> None:
        """End QEMU."""
        with self._ending:
            self.guest.close()
            self.monitor.hang_up()
            self.ended = Exit(returncode=returncode)
            os.eventfd_write(self.fd, 1)

    def quit(self) -> Exit:
        """Be ended from here, unless it has ended."""
        if self.ended is None:
            self.tells("SHUTDOWN", guest=False, reason="host-qmp-quit")
            self.ends(None)
        return self.ended or Exit(returncode=None)

    def powers_off(self, *, armed: bool = True, signs: bool = True) -> None:
        """Leave an image in the swap, if it is not there already, and power off by ACPI."""
        if signs:
            self.signs(b"S1SUSPEND" if armed else b"SWAPSPACE2")
        self.tells("SUSPEND_DISK")
        self.tells("SHUTDOWN", guest=True, reason="guest-shutdown")
        self.ends()

    def signs(self, signature: bytes) -> None:
        """Write the swap's header, ``struct swsusp_header`` of kernel/power/swap.c."""
        with self.swap.open("r+b") as disk:
            disk.seek((self.swap_page + 1) * PAGE - _HEADER.size)
            *_, was, sig = _HEADER.unpack(disk.read(_HEADER.size).ljust(_HEADER.size, b"\0"))
            disk.seek((self.swap_page + 1) * PAGE - _HEADER.size)
            kept = was if sig.startswith(b"S1SUSPEND") else sig
            disk.write(_HEADER.pack(0, 1, 1, _FLAGS, kept, signature))


@dataclass
class Answers:
    """What the probe in a guest answers."""

    plant: Any = field(default_factory=lambda: {"witnesses": dict(WITNESSES), "places": {}})
    check: Any = field(
        default_factory=lambda: {
            "witnesses": {name: {"found": facts} for name, facts in WITNESSES.items()}
        }
    )
    levels: Any = field(default_factory=lambda: dict(LEVELS))
    exercises: tuple[str, ...] = EXERCISES
    broken: tuple[str, ...] = ()

    def audit(self) -> Iterator[dict[str, Any]]:
        """Yield what the audit prints."""
        for name in self.exercises:
            yield {"begin": name}
            ok = name not in self.broken
            yield {"name": name, "ok": ok, "detail": "was tried", "seconds": 0.1}


class Shell(AbstractContextManager["Shell"]):
    """Root's connection to a pretended guest."""

    def __init__(self, machine: Machine) -> None:
        self.alive = True
        self._machine = machine

    def __exit__(self, *_: object) -> None:
        return None

    def run(
        self, command: str, deadline: Deadline, *, check: bool = True, stdin: bytes = b""
    ) -> Result:
        """Run a command."""
        self._hear(command, deadline)
        stdout = ""
        if command.endswith("> /run/hibtest/hibernate"):
            words = command.removeprefix("echo ").partition(" > ")[0].strip("'")
            self._machine.hibernates(words)
        elif command.endswith(" plant"):
            stdout = json.dumps({"boot_id": self._machine.boot_id} | self._machine.answers.plant)
        elif command.endswith("boot_id"):
            stdout = self._machine.boot_id + "\n"
        elif command.endswith("needed --dot"):
            stdout = GRAPH
        elif " workload" in command:
            stdout = json.dumps({"set up": command.rpartition(" ")[2]})
        for part, says in self._machine.says.items():
            if part in command:
                status, stdout = says()
                return Result(command=command, status=status, stdout=stdout, stderr="")
        return Result(command=command, status=0, stdout=stdout, stderr="")

    def push(self, data: bytes, path: str, _mode: int, deadline: Deadline) -> None:
        """Put a file into the guest."""
        self._hear(f"push {path}: {data.decode()}", deadline)

    def ask(self, _port: int, line: str, deadline: Deadline) -> Iterator[str]:
        """Ask the examiner."""
        self._hear(line, deadline)
        answers = self._machine.answers
        if line == "check":
            yield json.dumps({"boot_id": self._machine.boot_id} | answers.check)
        elif line == "levels":
            yield json.dumps(answers.levels)
        else:
            yield from map(json.dumps, answers.audit())
        yield json.dumps({"status": 0})

    def _hear(self, command: str, deadline: Deadline) -> None:
        self._machine.commands.append(command)
        self._machine.limits.append(deadline.limit)
        for one, happens in self._machine.when.items():
            if one in command:
                happens()
        for one in self._machine.breaks:
            if one in command:
                self._machine.breaks.remove(one)
                self.alive = False
                raise GuestError("the connection broke")
        if any(one in command for one in self._machine.lost):
            raise GuestError("the connection to the guest was lost")


Scene = Callable[[Machine], None]


@dataclass
class Play:
    """Scenes, one for each machine that is started."""

    scenes: tuple[Scene, ...]
    machines: list[Machine] = field(default_factory=list)

    @contextmanager
    def start(
        self, spec: MachineSpec, directory: Path, *, began: float | None = None
    ) -> Iterator[Machine]:
        """Start the next machine."""
        assert began is not None
        directory.mkdir()
        machine = Machine(directory, spec)
        self.machines.append(machine)
        self.scenes[len(self.machines) - 1](machine)
        try:
            yield machine
        finally:
            machine.close()

    def connect(self, *_: object, **__: object) -> Shell:
        """Return a shell in the guest that runs."""
        return Shell(self.machines[-1])

    def instead(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the runner start these machines, without a seat on this host."""

        def turn(_accel: object, say: Callable[[str], None]) -> AbstractContextManager[None]:
            say("a seat is free")
            return nullcontext()

        monkeypatch.setattr(runner, "turn", turn)
        monkeypatch.setattr(boot, "start", self.start)
        monkeypatch.setattr(boot, "connect", self.connect)
