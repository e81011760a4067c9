"""Which runs are made again: the only place that decides it.

A surprise is a result, and is never tried away. Two things are none: QEMU's own death, and an
emulated guest with one of Debian's kernels, which boot everywhere, that panics or stands still
before it has begun to hibernate. QEMU 10.0's multi-threaded TCG has been seen to do both. A run
is made again as a whole, in a new directory; those before it are told in the verdict of the one
that counts, and what happens in the last try is believed.
"""

from pathlib import Path

from harness.evidence import Evidence, Try
from harness.spec import OWN_KERNEL, Outcome, Role, Scenario

TRIES = 3
_BEGUN = frozenset({"begins", "entry"})  # marks of a hibernation, harness/cycle/klog.py


def discarded(
    scenario: Scenario, evidence: Evidence, outcome: Outcome, cause: str, reason: str, where: Path
) -> Try | None:
    """Return a run as one that does not count, ``None`` when it does.

    :param outcome: Its verdict's; and so are ``cause`` and ``reason``.
    :param where: Its directory.
    """
    if len(evidence.tries) + 1 >= TRIES:
        return None
    if not (_qemu_died(outcome, cause) or _never_began(scenario, evidence, outcome)):
        return None
    return Try(directory=str(where), outcome=outcome, cause=cause, reason=reason)


def boots_again(kernel: str, *, emulated: bool, qemu_died: bool) -> bool:
    """Return whether a guest that is only to be asked something, and did not boot, is tried again.

    :param kernel: Its name.
    """
    return qemu_died or (emulated and kernel != OWN_KERNEL)


def _qemu_died(outcome: Outcome, cause: str) -> bool:
    return outcome is Outcome.INVALID and cause == "qemu-died"


def _never_began(scenario: Scenario, evidence: Evidence, outcome: Outcome) -> bool:
    emulated = evidence.host is not None and evidence.host.accel == "tcg"
    if not emulated or scenario.guest.kernel == OWN_KERNEL or len(evidence.boots) != 1:
        return False
    (boot,) = evidence.boots
    begun = boot.attempt is not None or any(mark.name in _BEGUN for mark in boot.marks)
    stuck = outcome in {Outcome.PANIC, Outcome.HUNG}
    return stuck and boot.role is Role.SAVE and not begun
