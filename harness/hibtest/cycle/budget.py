"""How long each stage may take.

The limits are generous: a guest that reaches one has hung, and is not merely slow. They grow
with what makes guests slower: no KVM, more memory to copy, more vCPUs, a busy host.
"""

import os
from dataclasses import dataclass

from hibtest.spec import GuestSpec, Stage

# Seconds for 512 MiB and 2 vCPUs under KVM on an idle host. A healthy guest needs a fifth or less.
# FREEZE and LOAD hold the kernel's own 20 s of pm_freeze_timeout (kernel/power/process.c).
_BASE = {
    Stage.BOOT: 30.0,
    Stage.PREPARE: 15.0,
    Stage.STOP: 10.0,
    Stage.QUIESCE: 10.0,
    Stage.FREEZE: 30.0,
    Stage.PREALLOCATE: 15.0,
    Stage.DEVICES: 20.0,
    Stage.VCPUS: 15.0,
    Stage.SNAPSHOT: 15.0,
    Stage.WRITE: 20.0,
    Stage.POWER_OFF: 15.0,
    Stage.LOAD: 30.0,
    Stage.RESTORE: 15.0,
    Stage.THAW: 15.0,
    Stage.WITNESS: 15.0,
}
# Stages whose work is in proportion to the guest's memory.
_BY_MEMORY = frozenset({Stage.PREALLOCATE, Stage.SNAPSHOT, Stage.WRITE, Stage.LOAD, Stage.RESTORE})
_TCG = 3.0
_BUSIEST = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits for one guest on one host.

    :ivar memory_mib: Guest memory in MiB.
    :ivar kvm: Whether the guest runs under KVM.
    :ivar busy: Runnable tasks per host CPU, 1.0 or more.
    """

    memory_mib: int
    vcpus: int
    kvm: bool
    busy: float = 1.0

    @classmethod
    def of(cls, guest: GuestSpec, *, kvm: bool) -> "Budget":
        """Return the budget of a guest on this host as busy as it is now."""
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        busy = min(_BUSIEST, max(1.0, load))
        return cls(memory_mib=guest.memory_mib, vcpus=guest.vcpus, kvm=kvm, busy=busy)

    @property
    def patience(self) -> float:
        """How many times longer than on a machine of its own anything may take in this guest."""
        return 2.0 if self.kvm else 6.0

    def limit(self, stage: Stage) -> float:
        """Return the seconds that ``stage`` may take."""
        seconds = _BASE[stage] * self.busy * (1.0 if self.kvm else _TCG)
        if stage in _BY_MEMORY:
            seconds *= max(1.0, self.memory_mib / 512)
        return seconds * max(1.0, self.vcpus / 4)
