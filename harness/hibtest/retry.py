"""Which runs are made again: the only place that decides it.

A surprise is a result, and is never tried away. Two things are none: QEMU's own death, and an
emulated guest with one of Debian's kernels, which boot everywhere, that panics or stands still
before it has begun to hibernate. Both were seen with QEMU 10.0 on busy hosts. A run is made again
as a whole, in a new directory; those before it are told in the verdict of the one that counts,
and what happens in the last try is believed.
"""

from hibtest import story
from hibtest.evidence import Evidence, Try
from hibtest.spec import OWN_KERNEL, Outcome, Role, Scenario

TRIES = 3


def counts(scenario: Scenario, evidence: Evidence, one: Try) -> bool:
    """Return whether a run counts, or another is to be made in its place.

    :param one: The run, as it would be told by that other.
    """
    if len(evidence.tries) + 1 >= TRIES:
        return True
    return not (_qemu_died(one) or _never_began(scenario, evidence, one))


def boots_again(kernel: str, *, emulated: bool, qemu_died: bool) -> bool:
    """Return whether a guest that is only to be asked something, and did not boot, is tried again.

    :param kernel: Its name.
    """
    return qemu_died or (emulated and kernel != OWN_KERNEL)


def _qemu_died(one: Try) -> bool:
    return one.outcome is Outcome.INVALID and one.cause == "qemu-died"


def _never_began(scenario: Scenario, evidence: Evidence, one: Try) -> bool:
    emulated = evidence.host is not None and evidence.host.accel == "tcg"
    if not emulated or scenario.guest.kernel == OWN_KERNEL or len(evidence.boots) != 1:
        return False
    (boot,) = evidence.boots
    begun = boot.attempt is not None or any(mark.name in story.BEGINNINGS for mark in boot.marks)
    stuck = one.outcome in {Outcome.PANIC, Outcome.HUNG}
    return stuck and boot.role is Role.SAVE and not begun
