"""Why it went as it did: causes, of real logs and of evidence."""

import pytest

from hibtest import evidence, story
from hibtest.spec import Outcome
from tests.story.transcripts import NAMES, lines_of, told

_BEGINS = "[    1.2] PM: hibernation: hibernation entry"
_STUCK = "[    1.2] Freezing user space processes failed after 20.008 seconds (1 tasks"


@pytest.mark.parametrize("name", NAMES)
def test_a_real_log_has_these_causes(name: str) -> None:
    found = story.read(lines_of(name)).causes
    assert [f"{cause.outcome}/{cause.name}" for cause in found] == told(name)["causes"]
    for cause in found:
        assert cause.lines
        assert set(cause.lines) <= set(lines_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_evidence_tells_the_causes_that_its_log_told(name: str) -> None:
    log = story.read(lines_of(name))
    kept = [
        evidence.Mark(name=mark.name, t=1.0, line=mark.line, splat=mark.splat) for mark in log.marks
    ]
    panics = [cause for cause in log.causes if cause.outcome is Outcome.PANIC]
    assert (*panics, *story.causes(kept)) == log.causes


def test_a_panic_is_named_after_its_stage() -> None:
    lines = lines_of("trixie-save")
    [at] = [n for n, line in enumerate(lines) if "Image saving progress:  40%" in line]
    panic = "[   44.0] Kernel panic - not syncing: Attempted to kill init!"
    first = story.read([*lines[:at], panic]).causes[0]
    assert (first.outcome, first.name, first.reason) == (Outcome.PANIC, "WRITE", panic)


def test_an_image_that_is_refused_has_all_lines_that_show_it() -> None:
    [cause] = story.read(lines_of("backports-damaged")).causes
    assert cause.reason.startswith("the kernel would not have the image: [")
    assert [line.partition("] ")[2] for line in cause.lines] == [
        "PM: lzo decompression failed",
        "PM: hibernation: Failed to load image, recovering.",
        "PM: hibernation: resume failed (-22)",
    ]


@pytest.mark.parametrize(
    ("lines", "causes"),
    [
        ((_BEGINS, _STUCK), ["EBUSY"]),
        ((_BEGINS, _STUCK, _BEGINS), []),
        ((_STUCK, "[    1.2] PM: hibernation: resume failed (-16)"), ["freeze-failed"]),
        ((_BEGINS, "hibtest: hibernate platform returned 0 OK success"), []),
        ((_BEGINS, "hibtest: hibernate platform returned 12 ENOMEM x"), ["ENOMEM"]),
        ((_BEGINS, "hibtest: hibernate platform returned 4242 ? x"), ["4242"]),
    ],
    ids=["stuck", "tried again", "a resume", "resumed", "refused", "an errno of no name"],
)
def test_the_last_hibernation_is_the_one_that_was_refused(
    lines: tuple[str, ...], causes: list[str]
) -> None:
    assert [cause.name for cause in story.read(lines).causes] == causes


def test_a_line_that_is_none_of_these_tells_of_no_return() -> None:
    assert story.returned(_BEGINS) is None
