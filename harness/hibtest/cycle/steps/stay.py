"""A machine that stays on when it hibernates: it sleeps and is woken, or restores its own image."""

from collections.abc import Callable
from dataclasses import replace

from hibtest.cycle.proof.restore import Restorer
from hibtest.cycle.proof.snapshot import Taker
from hibtest.cycle.steps.situation import Situation
from hibtest.cycle.watch import Happening
from hibtest.deadline import Deadline
from hibtest.evidence import QmpEvent, RestoreProof
from hibtest.spec import Mode, Stage

_LIMIT = 30.0  # s for QEMU to answer; milliseconds on an idle host


class Stay:
    """What happens to a machine between its snapshot and its coming back.

    :param taker: Takes the picture of its snapshot, if it is to be looked at.
    :param asleep: Called when it sleeps with its image written, before it is woken.
    """

    def __init__(self, at: Situation, taker: Taker | None, asleep: Callable[[], None]) -> None:
        self._at = at
        self._taker = taker
        self._asleep = asleep
        self._restorer: Restorer | None = None
        if at.run.lab.job.scenario.comes_back:
            at.run.watch.listen(self._hear)

    def note(self, mode: Mode, *, well: bool) -> None:
        """Note in the boot what has been seen of a restore, if there was to be one.

        :param well: Whether the write returned without an error.
        """
        at = self._at
        if mode is not Mode.TEST_RESUME:
            return
        restored = self._restorer.proof if self._restorer else None
        if restored is None and self._taker is not None:
            restored = RestoreProof(lacking="no image was loaded")
        loaded = at.run.watch.seen("loaded") is not None
        at.boot = replace(at.boot, restored=restored, resumed=well and loaded)

    def _hear(self, now: Happening) -> None:
        if now is Stage.LOAD:
            self._load()
        elif isinstance(now, QmpEvent) and now.name == "SUSPEND":
            self._asleep()
            deadline = Deadline.after(_LIMIT, "QEMU's answer to the order to wake the guest")
            self._at.run.machine.monitor.execute("system_wakeup", deadline=deadline)

    def _load(self) -> None:
        """Have memory compared at the jump: the kernel loads the image that it has written."""
        run, taker = self._at.run, self._taker
        memory, image = run.machine.memory, run.image
        if taker is None or run.stops is None or memory is None or image is None:
            return
        self._restorer = Restorer(run.stops, memory, image, taker.snapshot, consumed=True)
        self._restorer.arm()
