"""Who would not go on with a hibernation or a resume, in a phrase, and the kernel's line."""

import pytest

from hibtest import story
from hibtest.spec import Outcome, Stage
from hibtest.story.devices import device
from tests.story import fed

_WRITER = "writer {0} ({1}, state D) in request_wait_answer"
_WRITERS = ", ".join(_WRITER.format(n, 810 + n) for n in range(1, 6))
_GPU = "device gpu 0000:01:00.0"
_DEVICE = "device virtio_mem virtio5"


@pytest.mark.parametrize(
    ("log", "cause", "words", "shows"),
    [
        (fed.TASKS, "EBUSY", f"5 tasks did not freeze: {_WRITERS}", "20.002 seconds"),
        (fed.WORK, "EBUSY", "a work queue was busy: loop0 in loop_rootcg_workfn", "wq_busy=1"),
        (
            fed.ABORTED,
            "EBUSY",
            "a wake-up event broke the freeze off, and 3 tasks did not freeze",
            "aborted",
        ),
        (fed.WOKEN, "EBUSY", "", "Wakeup pending. Abort CPU freeze"),
        (fed.CPU_STAYS, "EBUSY", "CPU1 could not be taken down", "Error taking CPU1"),
        (fed.NO_SWAP, "ENODEV", "", "PM: Cannot find swap device, try swapon -a"),
        (fed.NO_MEMORY, "ENOMEM", "", "Image allocation is 12345 pages short"),
        (fed.LOCKED_DOWN, "EPERM", "", "hibernation is restricted"),
        (fed.NO_FREEZE, "EPERM", f"{_DEVICE} refused to freeze: EPERM (error -1)", "error -1"),
        (fed.UNPREPARED, "EBUSY", f"{_DEVICE} would not prepare: EBUSY (error -16)", "code -16"),
        (
            fed.ROLLED_BACK,
            "rolled-back",
            "device btintel_pcie 0000:00:14.7 refused to hibernate async: EBUSY (error -16)",
            "failed to hibernate",
        ),
    ],
)
@pytest.mark.parametrize("told", [True, False], ids=["told", "the kernel's lines alone"])
def test_a_refused_hibernation_has_its_reason(
    log: tuple[str, ...], cause: str, words: str, shows: str, told: bool
) -> None:
    [found] = story.read(log if told else log[:-1]).causes
    assert (found.outcome, found.name) == (Outcome.REFUSED, cause)
    line = next(line for line in log if shows in line)
    assert found.reason == (f"{words}: {line}" if words else line)
    assert set(found.lines) <= set(log)


@pytest.mark.parametrize(
    ("log", "cause", "reason"),
    [
        (
            fed.NO_QUIESCE,
            "device-refused",
            f"{_GPU} refused to quiesce async: EIO (error -5): {fed.NO_QUIESCE[3]}",
        ),
        (
            fed.HARDWARE_SIGNATURE,
            "image-refused",
            f"the kernel would not have the image: {fed.HARDWARE_SIGNATURE[1]}",
        ),
    ],
)
def test_a_resume_that_was_given_up_has_its_reason(
    log: tuple[str, ...], cause: str, reason: str
) -> None:
    [found] = story.read(log).causes
    assert (found.outcome, found.name, found.reason) == (Outcome.COLD_BOOT, cause, reason)


def test_a_device_that_fails_once_the_image_was_refused_is_no_reason() -> None:
    crc = "[    2.0] PM: Invalid image CRC32!"
    log = (*fed.NO_QUIESCE[:2], crc, *fed.NO_QUIESCE[3:])
    [found] = story.read(log).causes
    assert found.name == "image-refused"
    assert crc in found.reason


@pytest.mark.parametrize(
    "log",
    [
        pytest.param((*fed.NO_FREEZE[:-1], fed.comes_back(0, "OK")), id="the kernel said nothing"),
        pytest.param((*fed.NO_FREEZE[:4], "[   35.0] PM: S|"), id="the kernel went on"),
        pytest.param(
            (*fed.NO_FREEZE[:4], "[   34.5] virtio_mem virtio5: PM: failed to recover: error -5",
             *fed.NO_FREEZE[4:]), id="it did not come back"),
    ],
)  # fmt: skip
def test_a_device_that_failed_is_trouble_unless_the_kernel_gave_up_for_it(
    log: tuple[str, ...],
) -> None:
    trouble = story.trouble(story.read(log).marks)
    assert trouble is not None
    assert trouble.name == "kernel-log"
    assert "device-failed" in trouble.reason


def test_a_device_that_failed_before_the_last_try_is_judged_by_its_own() -> None:
    log = (*fed.NO_FREEZE, fed.BEGINS, fed.ENTRY)
    assert story.read(log).causes == ()


@pytest.mark.parametrize(
    ("phase", "refuses"),
    [
        *((phase, True) for phase in ("freeze", "quiesce", "hibernate", "poweroff", "suspend")),
        *((phase, False) for phase in ("thaw", "restore", "recover", "resume")),
    ],
)
@pytest.mark.parametrize("how", ["", " async", " late", " async noirq", " early"])
def test_phases_of_a_device(phase: str, how: str, refuses: bool) -> None:
    found = device(f"[    2.1] gpu 0000:01:00.0: PM: failed to {phase}{how}: error -5")
    assert found is not None
    assert (found.phase, found.errno, found.refuses) == (f"{phase}{how}", 5, refuses)


def test_the_stage_of_a_try_is_the_one_it_had_come_to() -> None:
    marks = story.read(fed.NO_FREEZE).marks
    assert story.stage_of(story.last_try(marks)) is Stage.DEVICES
    assert story.stage_of(story.last_try(story.read(fed.TASKS).marks)) is Stage.FREEZE


def test_tasks_of_a_later_report_are_not_those_that_did_not_freeze() -> None:
    lines = """\
hibtest: hibernate platform begins
[    1.0] Freezing user space processes failed after 20.002 seconds (1 tasks refusing to \
freeze, wq_busy=0):
[    1.0] task:real  state:D stack:0 pid:811
[    1.0] Restarting tasks ... done.
[  130.0] INFO: task other:900 blocked for more than 120 seconds.
[  130.0] task:other state:D stack:0 pid:900
hibtest: hibernate platform returned 16 EBUSY x"""
    told = story.refusal(story.last_try(story.read(lines.splitlines()).marks))
    assert told
    assert told.words == "1 task did not freeze: real (811, state D)"
