"""The write to /sys/power/state, followed until the power is off or an errno comes back."""

from dataclasses import dataclass

from harness.cycle import klog
from harness.cycle.watch import Watch
from harness.deadline import Deadline
from harness.evidence import Attempt, Mark
from harness.inside.shell import Shell
from harness.spec import KernelMethod, Stage

_FIFO = "/run/hibtest/hibernate"


def start(method: KernelMethod, shell: Shell, watch: Watch, deadline: Deadline) -> None:
    """Tell the guest's hibernator (harness/probe) to hibernate; returns at once."""
    watch.enter(Stage.FREEZE)
    shell.run(f"echo {method.mode} > {_FIFO}", deadline)


def returned(mark: Mark) -> Attempt:
    """Return the attempt that a ``returned`` mark tells of."""
    found = klog.recognise(mark.line)
    if found is None or found[0].name != "returned":
        raise ValueError(mark)
    words = found[1]
    return Attempt(mode=words["mode"], errno=int(words["errno"]), detail=words["text"].strip())


@dataclass(frozen=True, slots=True)
class Followed:
    """How a hibernation went on: ``off`` when the machine ended."""

    off: bool
    attempt: Attempt


def follow(method: KernelMethod, watch: Watch, before: int) -> Followed:
    """Wait until the machine has ended or the write has returned in this very life.

    :param before: How many ``returned`` marks this boot had before the attempt.
    :raise Stalled: When neither happens in time.
    """

    def fact() -> Followed | None:
        if watch.ended() is not None:
            return Followed(off=True, attempt=Attempt(mode=method.mode))
        mark = watch.seen("returned")
        if mark is not None and watch.count("returned") > before:
            return Followed(off=False, attempt=returned(mark))
        return None

    return watch.until(fact, "power-off or an error")
