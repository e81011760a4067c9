"""CPUs that are taken down and up, as the kernel tells of them."""

import pytest

from hibtest import story
from tests.story.transcripts import KERNELS, lines_of

# Linux 6.12.118 on 3 vCPUs, resumed on a machine with one.
FEWER = (
    "[   41.462937] Disabling non-boot CPUs ...",
    "[  103.724880] Enabling non-boot CPUs ...",
    "[  113.766919] CPU1 failed to report alive state",
    "[  113.782288] Error taking CPU1 up: -5",
    "[  123.798911] CPU2 failed to report alive state",
    "[  123.801259] Error taking CPU2 up: -5",
)
# Linux 6.12.118, 3 vCPUs, up to the power-off.
SAVE = (
    "[  103.369694] Disabling non-boot CPUs ...",
    "[  103.522335] smpboot: CPU 2 is now offline",
    "[  103.566420] smpboot: CPU 1 is now offline",
    "[  103.934302] Enabling non-boot CPUs ...",
    "[  104.392512] smpboot: Booting Node 0 Processor 1 APIC 0x1",
    "[  104.488860] CPU1 is up",
    "[  104.593274] CPU2 is up",
    "[  111.564491] Disabling non-boot CPUs ...",
    "[  111.589853] smpboot: CPU 2 is now offline",
    "[  111.609248] smpboot: CPU 1 is now offline",
)


def _switches(*lines: str) -> list[story.Switch]:
    return list(story.switches(story.read(lines).marks))


def test_each_time_that_they_go_or_come_has_its_kernels_own_time() -> None:
    assert _switches(*SAVE) == [
        story.Switch(up=False, cpus=(2, 1), milliseconds=196.726),
        story.Switch(up=True, cpus=(1, 2), milliseconds=658.972),
        story.Switch(up=False, cpus=(2, 1), milliseconds=44.757),
    ]


def test_a_kernel_alone_on_its_cpu_switches_none() -> None:
    assert _switches(*FEWER[:2], SAVE[7]) == []


def test_a_wait_for_one_that_does_not_come_is_no_time_of_the_others() -> None:
    assert _switches(SAVE[3], SAVE[5], "[  113.8] Error taking CPU2 up: -5") == []


def test_lines_without_a_stamp_have_no_time() -> None:
    assert _switches(*(line.partition("] ")[2] for line in SAVE)) == []


def test_a_cpu_that_goes_later_is_of_no_hibernation() -> None:
    assert len(_switches(*SAVE[3:7], "[  200.1] PM: hibernation: hibernation exit", SAVE[8])) == 1


@pytest.mark.parametrize("kernel", KERNELS)
def test_those_of_real_logs_are_found(kernel: str) -> None:
    found = _switches(*lines_of(f"{kernel}-save"))
    assert [(one.up, one.cpus) for one in found] == [(False, (1,)), (True, (1,)), (False, (1,))]
    assert all(0 < one.milliseconds < 10_000 for one in found)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (FEWER, "CPU 1, CPU 2 did not come back: Error taking CPU1 up: -5"),
        (
            (
                "[   74.0] smpboot: do_boot_cpu failed(-1) to wakeup CPU#3",
                "[   74.1] Error taking CPU3 up: -5",
            ),
            "CPU 3 did not come back: smpboot: do_boot_cpu failed(-1) to wakeup CPU#3",
        ),
        (("[ 1.0] do_boot_cpu failed",), "a CPU did not come back: do_boot_cpu failed"),
        (
            ("[ 1.0] Error taking CPU2 down: -16",),
            "CPU 2 did not go down: Error taking CPU2 down: -16",
        ),
    ],
)
def test_those_that_are_missing_are_named_with_the_kernels_line(
    lines: tuple[str, ...], reason: str
) -> None:
    cause, *_ = story.read(lines).causes
    assert (cause.name, cause.reason) == ("cpu-lost", reason)
