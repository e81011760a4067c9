"""The rule on what grows with every hibernation of one life: a leak that no single one shows."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from hibtest.evidence import Evidence, Levels
from hibtest.spec import Outcome, Scenario
from hibtest.verdict.finding import Finding, Rule, found

# The first resume is not compared: after it the kernel and the probe have in use what they then
# keep (caches, threads, what an exercise loads). Of four steps in a row none is by chance what a
# leak is: noise has a bound, so it cannot grow on.
_STEPS = 4


class Gauge(NamedTuple):
    """Something that must not grow with every hibernation.

    :ivar what: What it is called in a verdict and in a table; ``unit``: empty for a number.
    :ivar of: Its value.
    :ivar least: What it must grow by from each life to the next to be a leak.
    """

    what: str
    unit: str
    of: Callable[[Levels], float]
    least: float

    def told(self, value: float) -> str:
        """Return a value of it in words."""
        text = f"{value:.1f}" if self.unit == "s" else f"{value:.0f}"
        return f"{text} {self.unit}".rstrip()


def off(levels: Levels) -> float:
    """Return by how many seconds the guest's CLOCK_REALTIME is ahead of the host's."""
    return levels.realtime - sum(levels.host) / 2


# What explains others is first: who leaks files leaks slabs, which are memory. Free memory is not
# among them: what is in use says it without the page cache.
# Where a number is never exact, four steps of ``least`` are more than it can be off by on 2 CPUs:
# counters of files (percpu_counter_batch, lib/percpu_counter.c), slots that CPUs keep for
# themselves (SWAP_SLOTS_CACHE_SIZE, include/linux/swap_slots.h, up to v6.13).
GAUGES = (
    Gauge("descriptors of the probe", "", lambda levels: levels.own, 1),
    Gauge("open files", "", lambda levels: levels.files, 32),
    Gauge("swap in use by nobody", "KiB", lambda levels: levels.nobodys, 256),
    Gauge("slab in use", "KiB", lambda levels: levels.slab, 512),
    Gauge("memory in use", "KiB", lambda levels: levels.used, 1024),
    Gauge("clock ahead of the host", "s", off, 1.0),
    Gauge("clock behind the host", "s", lambda levels: -off(levels), 1.0),
)


def measured(evidence: Evidence) -> tuple[tuple[str, Levels], ...]:
    """Return what was in use in each life that was asked, by the directory of its boot."""
    return tuple((one.directory, one.levels) for one in evidence.boots if one.levels is not None)


def _drift(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    lives = [levels for _, levels in measured(evidence)][1:]
    if len(lives) <= _STEPS:
        return None
    leaks = [one for one in GAUGES if _grows([one.of(levels) for levels in lives], one.least)]
    return _leak(leaks, lives) if leaks else None


def _grows(values: Sequence[float], least: float) -> bool:
    return all(now - was >= least for was, now in pairwise(values))


def _leak(gauges: Sequence[Gauge], lives: Sequence[Levels]) -> Finding:
    first, *others = gauges
    values = [first.of(levels) for levels in lives]
    grown = first.told((values[-1] - values[0]) / (len(values) - 1))
    numbers = ", ".join(first.told(value) for value in values)
    reason = (
        f"{first.what}: {grown} more after each hibernation, and after every one "
        f"{first.told(first.least)} or more; after resume 2 to {len(values) + 1}: {numbers}"
    )
    if others:
        reason += f"; with it: {', '.join(one.what for one in others)}"
    return found(Outcome.CORRUPT, "drift", reason, "boots[*].levels")


DRIFT_RULES: tuple[Rule, ...] = (_drift,)
