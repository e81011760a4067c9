"""What the kernel of a boot is told: where a swap file begins, how a boot in between mounts."""

from dataclasses import replace

import pytest

from hibtest.cycle.cmdline import cmdline
from hibtest.cycle.storage import NOT_TOLD, storage_of
from hibtest.spec import Do, Mounts, MoveSwap, Named, Offset, ResumeSpec, Role, SwapDisk, SwapFile
from tests.cycle.jobs import ONE

FILE = replace(ONE, layout=(SwapFile(size_mib=16),), before=(MoveSwap(),))


def offsets(resume: ResumeSpec, role: Role, told: int | None = 9, first: int | None = 5) -> str:
    """Return what stands behind ``resume_offset=``, empty when nothing does."""
    scenario = replace(FILE, resume=resume)
    words = cmdline(scenario, storage_of(scenario), role, told=told, first=first).split()
    return next((word.partition("=")[2] for word in words if "resume_offset" in word), "")


@pytest.mark.parametrize(
    ("resume", "expected"),
    [
        (ResumeSpec(), "9"),
        (ResumeSpec(offset=Offset.STALE), "5"),
        (ResumeSpec(offset=Offset.MISSING), ""),
        (ResumeSpec(offset=7), "7"),
        (ResumeSpec(offset=0), "0"),
        (ResumeSpec(named=Named.NOT), ""),
        (ResumeSpec(named=Named.NOT, device="/dev/vdb"), "9"),
    ],
)
def test_the_resume_boot_is_told_what_the_scenario_says(resume: ResumeSpec, expected: str) -> None:
    assert offsets(resume, Role.RESUME) == expected


def test_the_boots_beside_it_are_told_where_the_file_lies() -> None:
    stale = ResumeSpec(offset=Offset.STALE)
    assert offsets(stale, Role.COLD) == "9"
    assert offsets(stale, Role.SAVE) == ""
    assert offsets(ResumeSpec(), Role.RESUME, told=None, first=None) == NOT_TOLD


def test_a_disk_has_no_offset() -> None:
    scenario = replace(ONE, layout=(SwapDisk(),))
    assert "resume_offset" not in cmdline(scenario, storage_of(scenario), Role.RESUME)


@pytest.mark.parametrize(
    ("mounts", "word"),
    [
        (Mounts.WRITABLE, ""),
        (Mounts.READ_ONLY, "hibtest.mounts=read-only"),
        (Mounts.UNTOUCHED, "hibtest.mounts=untouched"),
    ],
)
def test_the_boot_in_between_alone_is_told_how_to_mount(mounts: Mounts, word: str) -> None:
    scenario = replace(ONE, between=(Do(command="true"),), mounts=mounts)
    told = {
        role: [w for w in cmdline(scenario, storage_of(scenario), role).split() if "mounts" in w]
        for role in Role
    }
    assert told.pop(Role.RESCUE) == ([word] if word else [])
    assert not any(told.values())
