"""Runs whose boots start from templates, with machines that are only pretended."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hibtest.cycle import boot
from hibtest.cycle.template import start
from hibtest.cycle.template.shelf import Shelf
from hibtest.errors import QemuError
from hibtest.events import Event
from hibtest.evidence import Evidence, read_json
from hibtest.job import EVIDENCE, Job
from hibtest.machine.process import Saved
from hibtest.machine.shape import MachineSpec
from hibtest.reach.console import Console
from hibtest.runner import run
from hibtest.spec import Outcome
from hibtest.verdict import judge
from tests.cycle.pretend import Machine, Play
from tests.cycle.scenes import panics, resumes, saves, starts
from tests.cycle.template.test_start import Booting
from tests.cycle.template.warm import notes

Warm = Callable[..., Job]


@dataclass
class _WarmPlay(Play):
    """Scenes of machines that may go on from saved ones.

    :ivar refuses: Whether none can.
    """

    refuses: bool = False

    @contextmanager
    def warm_start(
        self,
        spec: MachineSpec,
        directory: Path,
        *,
        began: float | None = None,
        saved: Saved | None = None,
    ) -> Iterator[Machine]:
        """Start the next machine."""
        if saved is not None and self.refuses:
            directory.mkdir()
            raise QemuError("it could not be loaded")
        with self.start(spec, directory, began=began) as machine:
            yield machine


@pytest.fixture(name="play")
def _play(monkeypatch: pytest.MonkeyPatch) -> _WarmPlay:
    """Pretend a whole cycle, and guests that come to where they wait."""
    play = _WarmPlay((saves(), resumes(), starts()))
    play.instead(monkeypatch)
    monkeypatch.setattr(boot, "start", play.warm_start)

    @contextmanager
    def waits(spec: MachineSpec, directory: Path) -> Iterator[Booting]:
        directory.mkdir()
        machine = Booting(directory, spec)
        machine.prints("hibtest: waits early; Enter lets it go on")
        yield machine
        machine.close()

    monkeypatch.setattr(start, "start", waits)
    return play


def _run(job: Job, events: list[Event]) -> Evidence:
    evidence = run(job, events.append)
    assert read_json(job.directory / EVIDENCE, Evidence) == evidence
    return evidence


def test_evidence_says_what_each_boot_started_from(warm: Warm, play: _WarmPlay) -> None:
    job, events = warm(), list[Event]()
    evidence = _run(job, events)
    assert judge(job.scenario, evidence).outcome is Outcome.RESUMED
    save, resume, cold = evidence.boots
    assert save.template == ""
    assert re.fullmatch(r"template-early-[0-9a-f]{12}", resume.template)
    assert cold.template == resume.template
    assert {one.threads for one in evidence.boots} == {"single"}
    assert notes(events) == [f"resume: makes {resume.template}: a boot up to where the guest waits"]


def test_what_was_printed_before_is_heard_and_the_guest_let_go_on(
    warm: Warm, play: _WarmPlay, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(Console, "send", lambda _, line: sent.append(line))
    events = list[Event]()
    evidence = _run(warm(), events)
    assert sum("came to no guest" in text for text in notes(events)) == 0
    for one in evidence.boots[1:]:
        assert one.marks[0].name == "waits"
    assert len(sent) == 2
    assert all(re.fullmatch(r"\d{10,} [0-9a-f]{64}", line) for line in sent)
    assert sent[0] != sent[1]


def test_template_is_given_up_when_a_boot_from_it_comes_to_nothing(
    warm: Warm, play: _WarmPlay
) -> None:
    play.scenes = (saves(), panics(starts(), when="at once"))
    job, events = warm(), list[Event]()
    template = _run(job, events).boots[1].template
    assert template
    assert notes(events)[-1] == f"resume: template {template}: a boot from it came to no guest"
    assert job.templates is not None
    assert Shelf(job.templates).find(template) is None


def test_boots_start_with_their_firmware_when_no_template_can_be_loaded(
    warm: Warm, play: _WarmPlay
) -> None:
    play.refuses = True
    job, events = warm(), list[Event]()
    evidence = _run(job, events)
    assert judge(job.scenario, evidence).outcome is Outcome.RESUMED
    assert {one.template for one in evidence.boots} == {""}
    assert sum("it could not be loaded" in text for text in notes(events)) == 2
