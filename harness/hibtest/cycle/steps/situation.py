"""What a step is given beside a shell: the machine, what is known, and what has been seen."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hibtest.cycle.boot import Running
from hibtest.cycle.probe import Probe
from hibtest.cycle.proof.kernel import Places
from hibtest.cycle.proof.snapshot import Snapshot
from hibtest.cycle.witness import Planted
from hibtest.evidence import Boot
from hibtest.image.e820 import MemoryMap


@dataclass(slots=True)
class Past:
    """What a boot must know of those before it.

    :ivar planted: What each witness was planted as.
    :ivar acknowledged: The last number that each writer has acknowledged to the host.
    :ivar loads: What each workload was set up as.
    :ivar places: Where things of the guest's kernel lie.
    :ivar memory_map: That of the save boot's machine, if its log tells it.
    :ivar snapshot: Memory at the last snapshot, when it was looked at.
    """

    planted: Planted = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    loads: Planted = field(default_factory=dict)
    places: Places = field(default_factory=Places)
    memory_map: MemoryMap | None = None
    snapshot: Snapshot | None = None

    def close(self) -> None:
        """Forget the snapshot: it takes room."""
        if self.snapshot is not None:
            self.snapshot.kept.close()
        self.snapshot = None


@dataclass(slots=True)
class Situation:
    """Where a boot is.

    :ivar boot: What has been seen of it so far: a step replaces it by one in which more is
        noted, and what is noted stays when the boot is cut short.
    :ivar over: Whether a boot of which so much has been seen is the end of its run.
    :ivar probe: In the guest of a save boot, once it has been asked for.
    """

    run: Running
    past: Past
    boot: Boot
    over: Callable[[Boot], bool] = lambda _: False
    probe: Probe | None = None

    @property
    def settled(self) -> bool:
        """Whether what has been seen of the boot so far ends the run."""
        seen = replace(
            self.boot, marks=tuple(self.run.watch.record.marks), struck=self.run.faults.struck
        )
        return self.over(seen)
