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
    """Return what the hibernator is told: a save, with its arguments.

    :param target: As the agent takes it.
    """
    size = () if method.image_size is None else ("--image-size", str(method.image_size))
    return (
        "agent",
        "save",
        *("--target", target),
        *(("--keys", KEYS_DEVICE) if method.target is Target.SERVER else ()),
        *("--mode", method.mode),
        *("--stopper", method.stopper),
        *("--needed", method.needed),
        *(("--page-out", method.page_out) if method.page_out else ()),
        *("--compress", method.compress),
        *("--checksum", method.checksum),
        *("--allocate", method.allocate),
        *("--buffer-pages", str(method.buffer_pages)),
        *size,
        *("--protect", method.protect),
        *(("--scratch", SCRATCH_DEVICE) if method.protect is Protect.DM_SNAPSHOT else ()),
        *(("--scribble", method.scribble) if method.scribble else ()),
        *(("--fail-at", method.fail_at) if method.fail_at else ()),
    )


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
