"""Scenarios as they were stored before a layout was a tuple: they mean what they meant."""

import json
from pathlib import Path
from typing import Any

import pytest

from hibtest.errors import SpecError
from hibtest.evidence import read_json, to_json
from hibtest.evidence.stored import read_written
from hibtest.spec import (
    Always,
    AtStage,
    FailIo,
    Fault,
    GuestSpec,
    HangUp,
    Linear,
    Scenario,
    Stage,
    SwapDisk,
)

BEFORE: dict[str, Any] = {
    "name": "one",
    "guest": {
        "kernel": "trixie",
        "memory_mib": 512,
        "vcpus": 1,
        "max_vcpus": None,
        "append": [],
        "root": {"type": "plain"},
    },
    "layout": {"type": "disk", "size_mib": 256},
    "resume": {"device": "/dev/disk/by-id/virtio-swap", "noresume": False},
}
TODAY = Scenario(name="one", guest=GuestSpec(kernel="trixie", vcpus=1))


def stored(value: object, directory: Path) -> Path:
    path = directory / "scenario.json"
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize("read", [read_json, read_written])
def test_a_scenario_of_before_is_read(read: Any, tmp_path: Path) -> None:
    found = read(stored(BEFORE, tmp_path), Scenario)
    assert found.layout == (SwapDisk(size_mib=256),)
    assert (found.guest, found.resume) == (TODAY.guest, TODAY.resume)


def test_no_swap_was_a_disk_of_zeros(tmp_path: Path) -> None:
    before = BEFORE | {"layout": {"type": "none", "size_mib": 64}}
    assert read_json(stored(before, tmp_path), Scenario).layout == ()


def test_a_mapped_root_had_a_scratch_disk(tmp_path: Path) -> None:
    guest = BEFORE["guest"] | {"root": {"type": "mapped", "scratch_mib": 128}}
    found = read_json(stored(BEFORE | {"guest": guest}, tmp_path), Scenario)
    assert found.guest.root == (Linear(),)
    assert found.guest.scratch_mib == 128


def test_another_resume_device_stays(tmp_path: Path) -> None:
    before = BEFORE | {"resume": {"device": "/dev/vdz", "noresume": True}}
    assert read_json(stored(before, tmp_path), Scenario).resume.device == "/dev/vdz"


def test_today_s_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    path.write_bytes(to_json(TODAY))
    assert read_json(path, Scenario) == TODAY


@pytest.mark.parametrize(
    "wrong", [{"layout": 5}, {"guest": []}, {"resume": "x"}, {"layout": {"type": "other"}}]
)
def test_what_was_never_one_is_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="not a Scenario"):
        read_json(stored(BEFORE | wrong, tmp_path), Scenario)


@pytest.mark.parametrize("read", [read_json, read_written])
def test_faults_had_their_moments_in_their_names(read: Any, tmp_path: Path) -> None:
    faults = [
        {"type": "write-error", "serial": "image", "at_mib": 20},
        {"type": "server-gone"},
    ]
    assert read(stored(BEFORE | {"faults": faults}, tmp_path), Scenario).faults == (
        Fault(when=Always(), what=FailIo(serial="image", at_mib=20)),
        Fault(when=AtStage(stage=Stage.WRITE), what=HangUp()),
    )


def test_a_stored_value_that_cannot_be_meant_is_told_with_its_file(tmp_path: Path) -> None:
    when = {"type": "at-percent", "percent": 500}
    path = stored(BEFORE | {"faults": [{"when": when, "what": {"type": "cut-power"}}]}, tmp_path)
    with pytest.raises(SpecError, match=f"{path}: 500 % of an image never come"):
        read_json(path, Scenario)
