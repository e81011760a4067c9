"""Breakpoints in a running guest, and what is done when it comes to one."""

from collections.abc import Callable

from harness.deadline import Deadline
from harness.errors import QemuError
from harness.machine.breakpoint import Debugger
from harness.machine.registers import Registers

Action = Callable[[Registers], None]

_LIMIT = 60.0  # s for QEMU's gdb stub to answer; milliseconds on an idle host
_SIGINT, _SIGTRAP = 2, 5


class Stops:
    """A guest's breakpoints; followed by a :class:`harness.cycle.watch.Watch`.

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

        :raise QemuError: When no breakpoint can be set.
        :raise DeadlineExpired: When QEMU does not answer in time.
        """
        with_guest_stopped = self._debugger.stopped() is not None
        deadline = _deadline()
        self._debugger.pause(deadline)
        self._debugger.stop_at(address, deadline)
        self._actions[address] = action
        if not with_guest_stopped:
            self._debugger.resume(deadline)

    def drop(self, address: int) -> None:
        """Take a breakpoint away, if there is one.

        :raise QemuError: When QEMU is gone.
        :raise DeadlineExpired: When QEMU does not answer in time.
        """
        if self.over or address not in self._actions:
            return
        with_guest_stopped = self._debugger.stopped() is not None
        deadline = _deadline()
        self._debugger.pause(deadline)
        self._debugger.clear(address, deadline)
        del self._actions[address]
        if not with_guest_stopped:
            self._debugger.resume(deadline)

    def poll(self) -> None:
        """Carry out what is to be done if the guest has come to a breakpoint; let it go on.

        :raise DeadlineExpired: When QEMU does not answer in time.
        """
        if self.over:
            return
        try:
            self._poll()
        except QemuError:
            # The stub hangs up when the machine ends, as it should at a power-off. How it ended
            # is seen elsewhere; what could not be looked at is missing there.
            self.over = True

    def _poll(self) -> None:
        stop = self._debugger.stopped()
        # Other signals tell of a machine that cannot go on, such as one whose disk is full.
        if stop is None or stop.signal not in {_SIGINT, _SIGTRAP}:
            return
        deadline = _deadline()
        registers = self._debugger.registers(deadline)
        action = self._actions.get(registers.rip)
        if action is not None:
            action(registers)
        self._debugger.resume(_deadline())

    def word(self, address: int) -> int:
        """Return 64 bits of the stopped guest's virtual memory."""
        return int.from_bytes(self._debugger.read(address, 8, _deadline()), "little")


def _deadline() -> Deadline:
    return Deadline.after(_LIMIT, "the answer of QEMU's gdb stub")
