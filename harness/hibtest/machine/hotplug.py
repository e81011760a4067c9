"""vCPUs that are plugged in and taken away while a machine runs.

QMP: query-hotpluggable-cpus, qapi/machine.json; device_add and device_del, qapi/qdev.json (QEMU 8.2
to 10.0). That a guest has taken one, or let it go, it says by ACPI's _OST method: :func:`followed`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from hibtest.deadline import Deadline
from hibtest.errors import QemuError, SpecError
from hibtest.machine.monitor import Monitor

EVENT = "ACPI_DEVICE_OST"  # qapi/acpi.json
# Of _OST: what it answers to. Its status is 0 for done, from 0x80 on for under way (ACPI 6.5,
# section 6.3.5).
_TAKEN, _GONE, _UNDER_WAY = 1, 3, 0x80
_ORDER = ("socket-id", "die-id", "cluster-id", "core-id", "thread-id")


class _Slot(msgspec.Struct, rename="kebab"):
    type: str
    props: dict[str, int]
    qom_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Where vCPUs can be.

    :ivar free: Those without one, in the order of their numbers.
    :ivar taken: Those with one, in the order of their numbers.
    """

    free: tuple[_Slot, ...]
    taken: tuple[_Slot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A vCPU that comes or goes.

    :ivar number: Which.
    :ivar source: What the guest's _OST answers to when it tells of it.
    """

    number: int
    source: int

    def followed(self, facts: Mapping[str, Any]) -> bool:
        """Return whether an event says that the guest has followed."""
        return self._told(facts) == 0

    def refused(self, facts: Mapping[str, Any]) -> int:
        """Return the status with which an event says that the guest will not follow, else 0."""
        status = self._told(facts)
        return status if status is not None and 0 < status < _UNDER_WAY else 0

    def _told(self, facts: Mapping[str, Any]) -> int | None:
        info = facts.get("info", {})
        ours = (info.get("slot"), info.get("source")) == (str(self.number), self.source)
        status = info.get("status")
        return status if ours and isinstance(status, int) else None


def slots(monitor: Monitor, deadline: Deadline) -> Slots:
    """Return where vCPUs are, and where there could be more.

    :raise QemuError: When QEMU cannot tell.
    """
    told = monitor.execute("query-hotpluggable-cpus", deadline=deadline)
    try:
        found = msgspec.convert(told, list[_Slot])
    except msgspec.ValidationError as error:
        raise QemuError(f"query-hotpluggable-cpus: {error}") from error
    ordered = sorted(found, key=lambda one: [one.props.get(name, 0) for name in _ORDER])
    return Slots(
        free=tuple(one for one in ordered if not one.qom_path),
        taken=tuple(one for one in ordered if one.qom_path),
    )


def plug(monitor: Monitor, deadline: Deadline) -> Change:
    """Plug the next vCPU in.

    :raise SpecError: When the machine has room for no more.
    :raise QemuError: When QEMU refuses.
    """
    there = slots(monitor, deadline)
    if not there.free:
        raise SpecError("no room for another vCPU", hint="raise guest.max_vcpus")
    slot, number = there.free[0], len(there.taken)
    device = {"driver": slot.type, "id": f"vcpu{number}", **slot.props}
    monitor.execute("device_add", device, deadline=deadline)
    return Change(number=number, source=_TAKEN)


def unplug(monitor: Monitor, deadline: Deadline) -> Change:
    """Ask the guest to let its last vCPU go.

    :raise QemuError: When QEMU refuses.
    """
    taken = slots(monitor, deadline).taken
    monitor.execute("device_del", {"id": taken[-1].qom_path}, deadline=deadline)
    return Change(number=len(taken) - 1, source=_GONE)
