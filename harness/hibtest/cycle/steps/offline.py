"""CPUs that the guest itself takes offline and online; their vCPUs stay where they are."""

from hibtest.cycle.steps.cpus import look, note, numbers, soon
from hibtest.cycle.steps.situation import Situation
from hibtest.errors import GuestError
from hibtest.evidence import Cpus
from hibtest.reach.output import short
from hibtest.reach.shell import Shell
from hibtest.spec import Offline, Online, Role

_SWITCH = "/sys/devices/system/cpu/cpu{}/online"


def offline(step: Offline, at: Situation, shell: Shell) -> bool:
    """Take CPUs offline.

    :raise GuestError: When the guest does not, before it has hibernated.
    """
    before = look(at, shell)
    said = _switch(at, shell, step.cpus, "0")
    now = look(at, shell)
    if step.refused:
        refused = bool(said) and now == before
        note(at, "offline", (before, now), said or "its kernel was to refuse", ok=refused)
        return True  # the hibernation tells more
    gone = numbers(before.online) - set(step.cpus)
    return _done(at, "offline", (before, now), said or _other(now, gone))


def online(step: Online, at: Situation, shell: Shell) -> bool:
    """Take CPUs online.

    :raise GuestError: When the guest does not, before it has hibernated.
    """
    before = look(at, shell)
    said = _switch(at, shell, step.cpus, "1")
    now = look(at, shell)
    there = numbers(before.online) | set(step.cpus)
    return _done(at, "online", (before, now), said or _other(now, there))


def _switch(at: Situation, shell: Shell, cpus: tuple[int, ...], to: str) -> str:
    """Switch CPUs; return what the guest says of the first that it does not, else nothing."""
    for cpu in cpus:
        command = f"echo {to} >{_SWITCH.format(cpu)}"
        done = shell.run(command, soon(at, f"the end of `{command}`"), check=False)
        if done.status:
            said = short(f"{done.stdout}{done.stderr}".strip())
            return f"`{command}` ended with status {done.status}: {said}"
    return ""


def _other(now: Cpus, wanted: set[int]) -> str:
    return "" if numbers(now.online) == wanted else "those are others than was to be"


def _done(at: Situation, name: str, cpus: tuple[Cpus, Cpus], why: str) -> bool:
    """Note a step; one that fails in a guest that was resumed is evidence."""
    if why and at.boot.role is not Role.RESUME:
        raise GuestError(f"{name} in the {at.boot.directory} boot: {why}")
    note(at, name, cpus, why, ok=not why)
    return not why
