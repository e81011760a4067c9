"""The probe's answers, by chance: cut, nested, of other types, with absurd numbers."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any, cast

from hibtest.cycle import witness
from hibtest.cycle.probe import Probe
from hibtest.deadline import Deadline
from hibtest.errors import GuestError
from hibtest.evidence import Evidence, to_json
from hibtest.reach.shell import Shell
from hibtest.spec import Outcome
from hibtest.story import messages
from hibtest.story.pattern import plain
from hibtest.verdict import judge
from tests.verdict.test_judge import COLD, RESUME, SAVE, SCENARIO

PLANTED: dict[str, Any] = {
    "eventfd": {"value": 7},
    "memory": {"pages": 16, "crc": 5},
    "waiters": {"pid": 1, "starttime": 2},
    "modules": {"modules": {"loop": "1"}},
    "threads": {"threads": [[1, 2, "a", "S", True]], "kernel": {"kswapd": 1}},
    "clocks": {"monotonic": 1.0, "boottime": 1.0, "realtime": 1.0, "source": "tsc"},
}
FOUND: dict[str, Any] = {
    "eventfd": {"value": 7},
    "memory": {"pages": 16, "crc": 5, "named": [], "differing": 0},
    "waiters": {"pid": 1, "starttime": 2, "waits": {"poll": {"woke": True, "errno": 0}}},
    "modules": {"modules": {"loop": "1"}},
    "threads": {
        "threads": [[1, 2, "a", "S"]], "kernel": {"kswapd": 1}, "stuck": [], "exempt": [],
    },
    "clocks": {"monotonic": 2.0, "boottime": 2.0, "realtime": 2.0, "source": "tsc"},
}  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1 << 63, 1 << 80, 1e308, "", "yes", "\x1b[2J", "\ud800", [], {}, [[]],
)  # fmt: skip


def answer() -> Any:
    """Return what a healthy guest answers to ``check``."""
    return {"boot_id": "a", "witnesses": {name: {"found": facts} for name, facts in FOUND.items()}}


def garbled(rng: random.Random, value: Any) -> str:
    """Return an answer with something wrong in it."""
    wrong = json.loads(json.dumps(value))
    for _ in range(rng.randrange(1, 4)):
        _spoil(rng, wrong)
    line = json.dumps(wrong)
    how = rng.randrange(6)
    if how == 0:
        return line[: rng.randrange(len(line))]
    if how == 1:
        at = rng.randrange(len(line))
        return line[:at] + chr(rng.randrange(0x110000)) + line[at + 1 :]
    return line


def _spoil(rng: random.Random, value: Any) -> None:
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(value[key], dict | list) and rng.randrange(4):
            value = value[key]
        else:
            value[key] = deepcopy(rng.choice(_VALUES))
            return


class _Says:
    def __init__(self, line: str) -> None:
        self._line = line

    def ask(self, _port: int, _command: str, _deadline: Deadline) -> Iterator[str]:
        yield from (self._line, '{"status": 0}')


def check_answer(rng: random.Random) -> None:
    """Look at witnesses that answer by chance, and judge what they said."""
    probe = Probe(cast(Shell, _Says(garbled(rng, answer()))), 1)
    try:
        _, reports = witness.check(probe, PLANTED, Deadline.after(60, "an answer"))
    except GuestError:
        return
    evidence = Evidence(scenario="one", boots=(SAVE, replace(RESUME, witnesses=reports), COLD))
    to_json(evidence)
    assert judge(SCENARIO, evidence).outcome in {Outcome.CORRUPT, Outcome.RESUMED}


def kernel_line(rng: random.Random) -> None:
    """Recognise a line of pieces of the kernel's messages."""
    pieces = [pattern.regex.pattern for pattern in messages.PATTERNS]
    words = (*pieces, "PM: device ", "failed to ", "INFO: task ", "[    1.0] ", "9" * 50, "\0")
    line = "".join(rng.choice(words) for _ in range(rng.randrange(1, 2000)))
    found = messages.recognise(line)
    assert found is None or found[1].end() <= len(plain(line))
