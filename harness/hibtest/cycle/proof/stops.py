"""Breakpoints in a running guest, and what is done when it comes to one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.errors import QemuError
from hibtest.machine.breakpoint import Debugger
from hibtest.machine.registers import Registers
from hibtest.machine.rsp import StubGone

Action = Callable[[Registers], None]

_LIMIT = 60.0  # s for QEMU's gdb stub to answer; milliseconds on an idle host
_SIGINT, _SIGTRAP = 2, 5


class Stops:
    """A guest's breakpoints; followed by a :class:`hibtest.cycle.watch.Watch`.

    :ivar over: Whether the machine is gone: there is nothing to follow any more.
    """

    def __init__(self, debugger: Debugger) -> None:
        self.over = False
        self._debugger = debugger
        self._actions: dict[int, Action] = {}

    def fileno(self) -> int:
        """Return a descriptor that can be read when the guest has come to a breakpoint."""
        return self._debugger.fileno()

    def add(self, address: int, action: Action) -> None:
        """Have ``action`` called, with the guest standing still, when it comes to an address.

        :raise QemuError: When no breakpoint can be set, or QEMU does not answer in time.
        """
        with self._in_time(), self._stopped() as deadline:
            self._debugger.stop_at(address, deadline)
            self._actions[address] = action

    def drop(self, address: int) -> None:
        """Take a breakpoint away, if there is one.

        :raise QemuError: When QEMU does not answer in time.
        """
        if address in self._actions:
            with self._in_time(), self._stopped() as deadline:
                self._debugger.clear(address, deadline)
                del self._actions[address]

    def poll(self) -> None:
        """Carry out what is to be done if the guest has come to a breakpoint; let it go on.

        :raise QemuError: When QEMU does not answer in time.
        """
        with self._in_time():
            stop = self._debugger.stopped() if not self.over else None
            # Other signals tell of a machine that cannot go on, such as one whose disk is full.
            if stop is None or stop.signal not in {_SIGINT, _SIGTRAP}:
                return
            registers = self._debugger.registers(_deadline())
            action = self._actions.get(registers.rip)
            if action is not None:
                action(registers)
            self._debugger.resume(_deadline())

    def go_on(self) -> None:
        """Let a guest go on that stands still at a write to a disk.

        :raise QemuError: When it does not stand still, or QEMU does not answer in time.
        """
        with self._in_time():
            self._debugger.wait(_deadline())
            self._debugger.resume(_deadline())

    def word(self, address: int) -> int:
        """Return 64 bits of the stopped guest's virtual memory.

        :raise QemuError: When nothing is mapped there.
        """
        return int.from_bytes(self._debugger.read(address, 8, _deadline()), "little")

    @contextmanager
    def _stopped(self) -> Iterator[Deadline]:
        """Have the guest stand still; afterwards it runs again if it did before."""
        deadline = _deadline()
        stood = self._debugger.stopped() is not None
        self._debugger.pause(deadline)
        yield deadline
        if not stood:
            self._debugger.resume(deadline)

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Tell the end of the machine, and a QEMU that is stuck, from what the guest does."""
        try:
            yield
        except StubGone:
            # As at every power-off. How the machine ended is seen elsewhere, and what could not
            # be looked at is missing there.
            self.over = True
        except DeadlineExpired as late:
            raise QemuError(f"QEMU is stuck: {late}") from late


def _deadline() -> Deadline:
    return Deadline.after(_LIMIT, "the answer of QEMU's gdb stub")
