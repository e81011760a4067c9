"""The faults of one boot: each strikes once, at its moment, and that it did is kept."""

from hibtest.cycle.faults.moment import is_now
from hibtest.cycle.faults.strike import strike
from hibtest.cycle.proof.stops import Stops
from hibtest.cycle.watch import Happening, Watch
from hibtest.deadline import Deadline
from hibtest.evidence import Strike
from hibtest.imageserver import ImageServer
from hibtest.machine import halts
from hibtest.machine.shape import Disk
from hibtest.spec import AtRest, AtWrite, CutPower, Fault

_LIMIT = 30.0  # s for QEMU to go on; milliseconds on an idle host


class Armed:
    """Faults that wait for their moments.

    :param watch: Follows the machine.
    :param disks: The machine's.
    :param server: The image server beside it.
    :param stops: Whoever alone may have the machine go on, if there is somebody.
    """

    def __init__(
        self,
        faults: tuple[Fault, ...],
        watch: Watch,
        disks: tuple[Disk, ...],
        server: ImageServer | None,
        stops: Stops | None,
    ) -> None:
        self._struck: list[Strike] = []
        self._waiting = list(faults)
        self._passed: list[Fault] = []
        self._watch = watch
        self._disks = disks
        self._server = server
        self._stops = stops
        watch.listen(self._hear)

    @property
    def struck(self) -> tuple[Strike, ...]:
        """Those that did, in their order; who powered itself off had its power not cut."""
        off = self._powered_off()
        return tuple(
            one for one in self._struck if not (off and isinstance(one.fault.what, CutPower))
        )

    def rest(self) -> None:
        """Strike what is to strike when the machine has powered itself off, if it has."""
        for fault in tuple(self._waiting):
            if isinstance(fault.when, AtRest) and self._powered_off():
                self._strike(fault)

    def _powered_off(self) -> bool:
        ends = (one.data for one in self._watch.record.qmp if one.name == "SHUTDOWN")
        return any(end.get("reason") == "guest-shutdown" for end in ends)

    def _hear(self, happening: Happening) -> None:
        for fault in tuple(self._waiting):
            if not is_now(fault, happening, self._watch.stage):
                continue
            if isinstance(fault.when, AtWrite) and fault.when.done and fault not in self._passed:
                self._passed.append(fault)
                self._go_on(fault.when)
            else:
                self._strike(fault)

    def _go_on(self, when: AtWrite) -> None:
        """Have the write carried out at which the machine stands still."""
        monitor = self._watch.machine.monitor
        deadline = Deadline.after(_LIMIT, f"QEMU's answer about the disk {when.serial}")
        halts.at_next_write(monitor, when.serial, deadline)
        if self._stops is None:
            monitor.execute("cont", deadline=deadline)
        else:
            self._stops.go_on()

    def _strike(self, fault: Fault) -> None:
        self._waiting.remove(fault)
        watch = self._watch
        one = Strike(fault=fault, t=watch.now(), stage=watch.stage)
        if strike(fault.what, watch.machine, self._disks, self._server):
            self._struck.append(one)
            watch.note(f"fault: {fault.words}")
