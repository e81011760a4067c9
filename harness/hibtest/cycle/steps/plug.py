"""vCPUs plugged in and taken away: by QEMU's monitor, and by the guest, which must follow."""

from collections.abc import Callable
from dataclasses import replace

from hibtest.cycle.steps.situation import Situation
from hibtest.cycle.watch import Stalled
from hibtest.deadline import Deadline
from hibtest.errors import GuestError
from hibtest.evidence import StepReport
from hibtest.machine import hotplug
from hibtest.machine.monitor import Monitor
from hibtest.reach.shell import Shell
from hibtest.spec import Plug, Role, Unplug

_ONLINE = "/sys/devices/system/cpu/online"
# nobody in the guest does it by itself
_BRING_UP = (
    "for cpu in /sys/devices/system/cpu/cpu[0-9]*/online; do "
    'read -r is <"$cpu"; [ "$is" = 1 ] || echo 1 >"$cpu" || exit; done'
)


def plug(step: Plug, at: Situation, shell: Shell) -> bool:
    """Plug vCPUs in, and have the guest bring them online."""
    before = _online(at, shell)
    for _ in range(step.vcpus):
        _followed(at, hotplug.plug)
    shell.run(_BRING_UP, _soon(at, "the new vCPUs online"))
    return _noted(at, "plug", before, _online(at, shell), step.vcpus)


def unplug(step: Unplug, at: Situation, shell: Shell) -> bool:
    """Take vCPUs away, those with the highest numbers first."""
    before = _online(at, shell)
    for _ in range(step.vcpus):
        _followed(at, hotplug.unplug)
    return _noted(at, "unplug", before, _online(at, shell), -step.vcpus)


def _followed(at: Situation, act: Callable[[Monitor, Deadline], hotplug.Change]) -> None:
    """Change one vCPU, and wait until the guest has followed."""
    watch = at.run.watch
    watch.pump()
    seen = len(watch.record.qmp)
    change = act(at.run.machine.monitor, _soon(at, "QEMU's answer about a vCPU"))

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


def _online(at: Situation, shell: Shell) -> str:
    return shell.run(f"cat {_ONLINE}", _soon(at, "the list of CPUs")).stdout.strip()


def _noted(at: Situation, name: str, before: str, now: str, more: int) -> bool:
    if _count(now) != _count(before) + more:
        raise GuestError(f"{name}: CPUs {before} were online, and {now} are")
    report = StepReport(name=name, detail=f"online were CPUs {before}, are {now}")
    at.boot = replace(at.boot, steps=(*at.boot.steps, report))
    return True


def _count(cpus: str) -> int:
    """Return how many CPUs a list such as ``0-2,5`` has."""
    try:
        ends = [part.partition("-")[::2] for part in cpus.split(",") if part]
        return sum(int(last or first) - int(first) + 1 for first, last in ends)
    except ValueError as error:
        raise GuestError(f"{cpus!r:.100} is no list of CPUs") from error


def _soon(at: Situation, what: str) -> Deadline:
    return at.run.deadline(at.run.watch.stage, what)
