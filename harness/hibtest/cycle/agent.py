"""The agent as a cycle uses it: shipped into the guest, told what to do, listened to."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from hibtest import zipapp
from hibtest.cycle import answers
from hibtest.cycle.answers import Garbled
from hibtest.deadline import Deadline
from hibtest.evidence import AgentStep, Mark
from hibtest.reach.shell import Shell
from hibtest.spec import (
    KEYS_DEVICE,
    SCRATCH_DEVICE,
    AgentMethod,
    Protect,
    Target,
)

PATH = "/run/hibtest-agent.pyz"
_OURS = ("type", "failures")  # fields of a method that the agent has no option for
_LINE = re.compile(r"agent: (\{.*\})")


def ship(shell: Shell, deadline: Deadline) -> None:
    """Put the agent into the guest.

    :raise GuestError: When it cannot be reached.
    """
    shell.run(f"cat >{PATH}", deadline, stdin=zipapp.agent())


def needed_graph(shell: Shell, deadline: Deadline) -> str:
    """Return what stands on what in the guest, in graphviz's language.

    :raise GuestError: When the agent cannot tell.
    """
    return shell.run(f"python3 -IB {PATH} needed --dot", deadline).stdout


def save_words(method: AgentMethod, target: str) -> tuple[str, ...]:
    """Return what the hibernator is told: a save, with a method's fields as its options.

    :param target: As the agent takes it.
    """
    chosen = msgspec.to_builtins(method)
    for name in _OURS:
        del chosen[name]
    chosen["target"] = target
    if method.target is Target.SERVER:
        chosen["keys"] = KEYS_DEVICE
    if method.protect is Protect.DM_SNAPSHOT:
        chosen["scratch"] = SCRATCH_DEVICE
    options = {f"--{name.replace('_', '-')}": value for name, value in chosen.items()}
    given = ((name, str(value)) for name, value in options.items() if value not in {None, ""})
    return ("agent", "save", *(word for pair in given for word in pair))


def steps(marks: Iterable[Mark]) -> tuple[AgentStep, ...]:
    """Return the agent's steps from its lines among the marks of a boot.

    One that failed has its errno and why among its facts; one that never ended, no seconds.
    """
    found: dict[str, AgentStep] = {}
    for mark in marks:
        facts = _facts(mark)
        t = facts.pop("t", 0.0)
        step: dict[str, Any] = {}
        if "begin" in facts:
            step = {"name": facts["begin"], "t": t}
        elif "step" in facts:
            name, seconds = facts.pop("step"), facts.pop("seconds", None)
            step = {"name": name, "t": t, "seconds": seconds, "facts": facts}
        elif "failed" in facts:
            step = {"name": facts.pop("failed"), "t": t, "facts": facts}
        try:
            done = msgspec.convert(step, AgentStep)
        except msgspec.ValidationError:
            continue  # the guest may print anything
        found[done.name] = done
    return tuple(found.values())


def _facts(mark: Mark) -> dict[str, Any]:
    match = _LINE.search(mark.line)
    if match is None:
        return {}
    try:
        return answers.decode(match[1], dict[str, Any])
    except Garbled:
        return {}  # cut short by the end of the machine
