"""vCPUs plugged in and taken away: by QEMU's monitor, and by the guest, which must follow."""

from collections.abc import Callable

from hibtest.cycle.steps.cpus import count, look, note, numbers, soon
from hibtest.cycle.steps.situation import Situation
from hibtest.cycle.watch import Stalled
from hibtest.deadline import Deadline
from hibtest.errors import GuestError
from hibtest.evidence import Cpus
from hibtest.machine import hotplug
from hibtest.machine.monitor import Monitor
from hibtest.reach.shell import Shell
from hibtest.spec import Plug, Role, Unplug

# nobody in the guest does it by itself; the others may be offline on purpose
_BRING_UP = (
    "for cpu in {}; do cd /sys/devices/system/cpu/cpu$cpu || exit; "
    'read -r is <online; [ "$is" = 1 ] || echo 1 >online || exit; done'
)


def plug(step: Plug, at: Situation, shell: Shell) -> bool:
    """Plug vCPUs in, and have the guest bring them online."""
    before = look(at, shell)
    for _ in range(step.vcpus):
        _followed(at, hotplug.plug)
    new = numbers(look(at, shell).present) - numbers(before.present)
    listed = " ".join(map(str, sorted(new)))
    shell.run(_BRING_UP.format(listed), soon(at, "the new vCPUs online"))
    now = look(at, shell)
    if count(now.online) != count(before.online) + step.vcpus:
        raise GuestError(f"plug: CPUs {before.online} were online, and {now.online} are")
    return _noted(at, "plug", before, now, step.vcpus)


def unplug(step: Unplug, at: Situation, shell: Shell) -> bool:
    """Take vCPUs away, those with the highest numbers first."""
    before = look(at, shell)
    for _ in range(step.vcpus):
        _followed(at, hotplug.unplug)
    return _noted(at, "unplug", before, look(at, shell), -step.vcpus)


def _followed(at: Situation, act: Callable[[Monitor, Deadline], hotplug.Change]) -> None:
    """Change one vCPU, and wait until the guest has followed."""
    watch = at.run.watch
    watch.pump()
    seen = len(watch.record.qmp)
    change = act(at.run.machine.monitor, soon(at, "QEMU's answer about a vCPU"))

    def told() -> bool | None:
        if watch.ended() is not None:
            raise GuestError(f"the machine ended while vCPU {change.number} changed")
        news = [one.data for one in watch.record.qmp[seen:] if one.name == hotplug.EVENT]
        for status in filter(None, map(change.refused, news)):
            raise GuestError(f"the guest refuses to change vCPU {change.number}: _OST {status:#x}")
        return any(map(change.followed, news)) or None

    try:
        watch.until(told, f"the guest's word that vCPU {change.number} has changed")
    except Stalled as stalled:
        if at.boot.role is Role.SAVE:  # no hibernation has been tried yet
            raise GuestError(str(stalled)) from stalled
        raise


def _noted(at: Situation, name: str, before: Cpus, now: Cpus, more: int) -> bool:
    if count(now.present) != count(before.present) + more:
        raise GuestError(f"{name}: CPUs {before.present} were there, and {now.present} are")
    note(at, name, (before, now))
    return True
