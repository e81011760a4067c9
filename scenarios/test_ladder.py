"""Does each rung of the kernel's own ladder hold: rehearsals, modes, and what can be set?

Rehearsals (pm_test) need Debian's kernels for all hardware; its cloud kernels are built without.
Mode test_resume is the only one in which a kernel restores the image that it has just written;
mode suspend the only one that writes one and may not need it.
"""

from dataclasses import replace

import pytest

from hibtest.spec import (
    AtMark,
    CutPower,
    Do,
    Expected,
    Fault,
    GuestSpec,
    KernelMethod,
    Known,
    Mode,
    Outcome,
    PmTest,
    Scenario,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

GENERIC = ("bookworm-generic", "trixie-generic", "backports-generic")
CLOUD = ("bookworm", "trixie", "backports")
LEVELS = tuple(level for level in PmTest if level is not PmTest.NONE)
# swsusp_check() opens the swap exclusively, which is in use: kernel/power/swap.c. Since v6.4 it
# does not for a test (5904de0d735b).
BUSY = Known(
    reason="test_resume finds the swap busy, and leaves its image armed; mended in v6.4 "
    "(5904de0d735b, kernel/power/swap.c)",
    expected=Expected(outcome=Outcome.CORRUPT, cause="still-armed"),
    since=(5, 19),
    before=(6, 4),
)
LOST_ASLEEP = Fault(when=AtMark(name="sleep-s3"), what=CutPower())


def _rehearsal(kernel: str, level: PmTest) -> Scenario:
    return Scenario(
        name=f"rehearse-KERNEL-{level}",
        guest=GuestSpec(kernel=kernel),
        method=KernelMethod(pm_test=level),
        expected=Expected(outcome=Outcome.REHEARSED),
        tags=("ladder", "pm_test", "wide"),
    )


def _mode(kernel: str, mode: Mode, *tags: str) -> Scenario:
    return Scenario(
        name=f"mode-KERNEL-{mode.replace('_', '-')}",
        guest=GuestSpec(kernel=kernel),
        method=KernelMethod(mode=mode),
        known=(BUSY,) if mode is Mode.TEST_RESUME else (),
        tags=("ladder", "mode", *tags),
    )


def _lost_asleep(kernel: str) -> Scenario:
    scenario = _mode(kernel, Mode.SUSPEND, "wide")
    return replace(scenario, name="mode-KERNEL-suspend-power-lost", faults=(LOST_ASLEEP,))


def _set(kernel: str, what: str, *before: Do, append: tuple[str, ...] = ()) -> Scenario:
    return Scenario(
        name=f"set-KERNEL-{what}",
        guest=GuestSpec(kernel=kernel, append=append),
        before=before,
        tags=("ladder", "set", "wide"),
    )


def _power(name: str, value: int) -> Do:
    return Do(command=f"echo {value} >/sys/power/{name}")


SCENARIOS = (
    *(_rehearsal(kernel, level) for kernel in GENERIC for level in LEVELS),
    _mode("bookworm", Mode.TEST_RESUME, "wide"),
    _mode("trixie", Mode.TEST_RESUME),
    _mode("backports", Mode.TEST_RESUME, "wide"),
    *(_mode(kernel, Mode.REBOOT, "wide") for kernel in CLOUD),
    _mode("bookworm", Mode.SUSPEND, "wide"),
    _mode("trixie", Mode.SUSPEND),
    _mode("backports", Mode.SUSPEND, "wide"),
    *(_lost_asleep(kernel) for kernel in CLOUD),
    # the smallest that there can be; all of memory; more room for drivers than there is need of
    *(_set(kernel, "image-size-0", _power("image_size", 0)) for kernel in CLOUD),
    *(_set(kernel, "image-size-all", _power("image_size", 512 << 20)) for kernel in CLOUD),
    *(_set(kernel, "reserved-size", _power("reserved_size", 32 << 20)) for kernel in CLOUD),
    *(_set(kernel, "nocompress", append=("hibernate=nocompress",)) for kernel in CLOUD),
    _set("trixie", "lzo", append=("hibernate.compressor=lzo",)),
    _set("backports", "lzo", append=("hibernate.compressor=lzo",)),
    _set("trixie", "lz4", append=("hibernate.compressor=lz4",)),
    _set("backports", "lz4", append=("hibernate.compressor=lz4",)),
    # 7.3 has these, 6.12 does not
    _set("backports", "one-thread", _power("hibernate_compression_threads", 1)),
    _set("backports", "freeze-filesystems", _power("freeze_filesystems", 1)),
)


def test_ladder(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
