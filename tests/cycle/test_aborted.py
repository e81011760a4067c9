"""Boots that QEMU aborts: made again while the guest has done nothing yet."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import runner
from harness.cycle.boot import Lab
from harness.events import Event, Note
from harness.evidence import Boot, Exit, Mark
from harness.spec import Role

EXIT = Exit(returncode=-signal.SIGABRT, stderr="Assertion")
ABORTED = Boot(role=Role.SAVE, directory="save", exit=EXIT)
GOOD = Boot(role=Role.SAVE, directory="save", ready=True, exit=Exit(returncode=0))
BEGUN = replace(ABORTED, marks=(Mark(name="early", t=2.0, line="hibtest: early"),))
LOADING = replace(ABORTED, marks=(Mark(name="load", t=1.0, line="PM: Image loading"),))
KILLED = replace(ABORTED, exit=Exit(returncode=-signal.SIGKILL))

Boots = Callable[..., tuple[Boot, list[Event]]]


@pytest.fixture
def boots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Boots:
    """Run one boot whose machines come to what is given, one after the other."""

    class Place:
        directory, began = tmp_path, 0.0

        def __init__(self) -> None:
            self.said: list[Event] = []
            self.sink = self.said.append

    def run(*ends: Boot) -> tuple[Boot, list[Event]]:
        left = list(ends)

        def machine(_lab: Lab, _role: Role, _number: int, name: str, _script: Any) -> Boot:
            (tmp_path / name).mkdir()
            return left.pop(0)

        monkeypatch.setattr(runner, "_machine", machine)
        place: Any = Place()
        boot = runner._boot(place, Role.SAVE, 0, lambda _run, _notes: None)
        assert left == []
        return boot, place.said

    return run


def test_it_is_made_again_and_said(boots: Boots, tmp_path: Path) -> None:
    boot, said = boots(ABORTED, GOOD)
    assert boot == replace(GOOD, aborted=(EXIT,))
    [note] = said
    assert isinstance(note, Note)
    assert "QEMU aborted" in note.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["save", "save-aborted-1"]


def test_the_third_one_is_the_last(boots: Boots) -> None:
    boot, said = boots(ABORTED, ABORTED, ABORTED)
    assert boot.exit == EXIT
    assert len(boot.aborted) == len(said) == 2


@pytest.mark.parametrize("end", [GOOD, BEGUN, LOADING, KILLED, replace(ABORTED, ready=True)])
def test_others_are_what_they_are(boots: Boots, end: Boot) -> None:
    assert boots(end) == (end, [])
