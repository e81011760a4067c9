"""Stopping a guest at an instruction, and looking at its vCPUs: a client of QEMU's gdb stub.

    debugger.pause(deadline)
    debugger.stop_at(address_of["swsusp_save"], deadline)
    debugger.resume(deadline)
    stop = debugger.wait(deadline)
    registers = debugger.registers(deadline)

All vCPUs stop together and run together. Only the debugger may stop the guest and let it run,
never QMP's ``stop`` and ``cont``: the stub tells of a stop only when its own client let the guest
run, and takes what its client says to a running guest for a request to stop it (gdbstub/system.c,
gdb_vm_state_change() and gdbstub/gdbstub.c, gdb_read_byte(); QEMU 8.1 to 10.0).
"""

import re
import socket
from dataclasses import dataclass

from hibtest.deadline import Deadline
from hibtest.errors import QemuError
from hibtest.machine.registers import Registers, registers
from hibtest.machine.rsp import Item, Kind, Link, StubGone

SIGTRAP = 5
_CHUNK = 1024  # bytes; QEMU 7.2 reads no more than 2048 at a time
_INTERRUPT = b"\x03"
_ENDED = ("W", "X")  # the stub's farewell: a status, or a signal
_ERROR = re.compile("E[0-9a-fA-F]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why the guest stands still.

    :ivar thread: The vCPU that stopped, counted from 1; the first when it was none of them.
    :ivar signal: Number of the signal that stands for the reason: SIGTRAP for a breakpoint,
        SIGINT for :meth:`Debugger.pause`, others for a guest that cannot go on; 0 before the
        guest first runs.
    """

    thread: int
    signal: int

    @property
    def trapped(self) -> bool:
        """Whether a vCPU came to a breakpoint."""
        return self.signal == SIGTRAP


class Debugger:
    """A client of QEMU's gdb stub; the guest does not run yet when it is made.

    :param sock: A socket connected to the stub; it belongs to the debugger from now on.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._link = Link(sock)
        self._running = False
        self._stop = Stop(thread=1, signal=0)
        self._addresses: set[int] = set()
        # Items that were given up at a deadline: they may still come, before all others.
        self._owed = 0

    def fileno(self) -> int:
        """Return a descriptor that can be read when a running guest has stopped or QEMU ended."""
        return self._link.fileno()

    def stop_at(self, address: int, deadline: Deadline) -> None:
        """Set a hardware breakpoint at an instruction, on all vCPUs that are plugged in.

        :param address: Virtual address; it counts in every address space.
        :raise QemuError: When it is refused (x86 has four), the guest runs or QEMU is gone.
        :raise DeadlineExpired: When QEMU does not answer in time.
        """
        self._do(f"Z1,{address:x},1", deadline)
        self._addresses.add(address)

    def clear(self, address: int, deadline: Deadline) -> None:
        """Take a breakpoint away.

        :raise QemuError: When there is none, the guest runs or QEMU is gone.
        :raise DeadlineExpired: When QEMU does not answer in time.
        """
        self._do(f"z1,{address:x},1", deadline)
        self._addresses.discard(address)

    def resume(self, deadline: Deadline) -> None:
        """Let the guest run. A vCPU that came to a breakpoint is led past it.

        :raise QemuError: When the guest runs or QEMU is gone.
        :raise DeadlineExpired: When QEMU does not answer in time.
        """
        self._begin(deadline)
        if self._stop.trapped:
            rip = self.registers(deadline).rip
            if rip in self._addresses:
                self._step_over(rip, deadline)
        self._link.send(b"c")
        self._running = True
        self._owed = 1
        self._next(Kind.ACK, deadline)

    def pause(self, deadline: Deadline) -> Stop:
        """Stop a running guest; one that stands still stays so.

        :return: Why it stands still: a breakpoint may have been quicker.
        :raise StubGone: When QEMU has ended.
        :raise DeadlineExpired: When the guest did not stop in time.
        """
        stop = self.stopped()
        if stop is not None:
            return stop
        self._link.send_raw(_INTERRUPT)
        return self.wait(deadline)

    def wait(self, deadline: Deadline) -> Stop:
        """Wait until the guest stands still.

        :raise StubGone: When QEMU has ended.
        :raise DeadlineExpired: When the guest still runs at the deadline.
        """
        if self._running:
            self._settle(deadline)
            self._halt(self._next(Kind.PACKET, deadline))
        return self._stop

    def stopped(self) -> Stop | None:
        """Return why the guest stands still, ``None`` while it runs; does not wait.

        :raise StubGone: When QEMU has ended.
        """
        while self._running and (item := self._link.received()) is not None:
            if self._owed:
                self._owed -= 1
            else:
                self._halt(_expected(item, Kind.PACKET))
        return None if self._running else self._stop

    def vcpus(self, deadline: Deadline) -> tuple[int, ...]:
        """Return the threads that stand for the vCPUs, in order.

        :raise QemuError: When the guest runs or QEMU is gone.
        :raise DeadlineExpired: When QEMU does not answer in time.
        """
        threads: list[int] = []
        answer = self._ask("qfThreadInfo", deadline)
        while answer.startswith("m"):
            threads += (_number(thread, answer) for thread in answer[1:].split(","))
            answer = self._ask("qsThreadInfo", deadline)
        return tuple(threads)

    def registers(self, deadline: Deadline, *, thread: int | None = None) -> Registers:
        """Return the registers of a vCPU, by default of the one that stopped.

        :raise QemuError: When there is no such vCPU, the guest runs or QEMU is gone.
        :raise DeadlineExpired: When QEMU does not answer in time.
        """
        self._turn_to(thread, deadline)
        return registers(_hex(self._ask("g", deadline)))

    def read(
        self, address: int, size: int, deadline: Deadline, *, thread: int | None = None
    ) -> bytes:
        """Return ``size`` bytes of virtual memory as a vCPU sees it, by default the stopped one.

        :raise QemuError: When nothing is mapped there, the guest runs or QEMU is gone.
        :raise DeadlineExpired: When QEMU does not answer in time.
        """
        self._turn_to(thread, deadline)
        data = b""
        while len(data) < size:
            wanted = min(_CHUNK, size - len(data))
            part = _hex(self._ask(f"m{address + len(data):x},{wanted:x}", deadline))
            if len(part) != wanted:
                raise QemuError(f"QEMU's gdb stub gave {len(part)} bytes of memory, not {wanted}")
            data += part
        return data

    # ---- from here on: how it works

    # The breakpoint would be hit again before the instruction there is executed: QEMU under TCG
    # (check_for_breakpoints(), accel/tcg/cpu-exec.c, 10.0) and KVM leave this to the client.
    def _step_over(self, address: int, deadline: Deadline) -> None:
        self.clear(address, deadline)
        answer = self._ask(f"vCont;s:{self._stop.thread:x}", deadline)  # the others stand still
        self._halt(answer.encode())
        self.stop_at(address, deadline)

    def _turn_to(self, thread: int | None, deadline: Deadline) -> None:
        self._do(f"Hg{self._stop.thread if thread is None else thread:x}", deadline)

    def _do(self, command: str, deadline: Deadline) -> None:
        answer = self._ask(command, deadline)
        if answer != "OK":
            raise _refused(command, answer)

    def _ask(self, command: str, deadline: Deadline) -> str:
        self._begin(deadline)
        self._link.send(command.encode())
        self._owed = 2
        self._next(Kind.ACK, deadline)
        answer = self._next(Kind.PACKET, deadline).decode("ascii", errors="replace")
        if not answer or _ERROR.fullmatch(answer):
            raise _refused(command, answer)
        return answer

    def _begin(self, deadline: Deadline) -> None:
        if self._running:
            raise QemuError("the debugger has no say in a guest that runs", hint="pause it first")
        self._settle(deadline)

    def _settle(self, deadline: Deadline) -> None:
        while self._owed:
            self._link.receive(deadline)
            self._owed -= 1

    def _next(self, kind: Kind, deadline: Deadline) -> bytes:
        item = self._link.receive(deadline)
        self._owed = max(0, self._owed - 1)  # a stop is owed by nobody
        return _expected(item, kind)

    def _halt(self, answer: bytes) -> None:
        text = answer.decode("ascii", errors="replace")
        if text.startswith(_ENDED):
            raise StubGone
        if text[:1] not in {"T", "S"}:
            raise QemuError(f"QEMU's gdb stub told of no stop but said {text[:40]!r}")
        pairs = dict(pair.split(":", 1) for pair in text[3:].split(";") if ":" in pair)
        thread = _number(pairs.get("thread", "1"), text)
        self._stop = Stop(thread=thread, signal=_number(text[1:3], text))
        self._running = False


def _expected(item: Item, kind: Kind) -> bytes:
    if item.kind is not kind:
        raise QemuError(f"QEMU's gdb stub sent {item.kind.name} in place of {kind.name}")
    return item.payload


def _refused(command: str, answer: str) -> QemuError:
    said = f"said {answer[:40]!r}" if answer else "does not know the command"
    return QemuError(f"QEMU's gdb stub refused {command}: it {said}")


def _number(text: str, answer: str) -> int:
    try:
        return int(text, 16)
    except ValueError as error:
        raise QemuError(f"QEMU's gdb stub sent no number in {answer[:40]!r}") from error


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise QemuError(f"QEMU's gdb stub sent no hexadecimal data: {text[:40]!r}") from error
