"""Scenarios: what cannot be meant is refused, and JSON brings back the same value."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import SpecError
from harness.evidence import read_json, to_json
from harness.spec import GuestSpec, NoSwap, Scenario, SwapDisk

GUEST = GuestSpec(kernel="trixie")


@pytest.mark.parametrize("name", ["", "Upper", "a b", "../up", "-dash"])
def test_a_name_that_is_no_directory_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="scenario name"):
        Scenario(name=name, guest=GUEST)


def test_more_vcpus_than_fit_are_refused() -> None:
    with pytest.raises(SpecError, match="8 vCPUs do not fit in max_vcpus 4"):
        Scenario(name="a", guest=replace(GUEST, vcpus=8, max_vcpus=4))


def test_too_little_memory_is_refused_with_the_limit() -> None:
    with pytest.raises(SpecError, match="64 MiB of memory is too little"):
        Scenario(name="a", guest=replace(GUEST, memory_mib=64))


@pytest.mark.parametrize("layout", [NoSwap(), SwapDisk(size_mib=8)])
def test_json_brings_back_the_same_scenario(layout: NoSwap | SwapDisk, tmp_path: Path) -> None:
    scenario = Scenario(name="a", guest=GUEST, layout=layout, lives=2, tags=("smoke",))
    path = tmp_path / "scenario.json"
    path.write_bytes(to_json(scenario))
    assert read_json(path, Scenario) == scenario


@pytest.mark.parametrize("text", [b"", b"{}", b'{"name": 3}', b"\xff\xfe", b'{"name": "A b"}'])
def test_a_file_that_is_no_scenario_is_named(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    path.write_bytes(text)
    with pytest.raises(SpecError, match=r"scenario\.json"):
        read_json(path, Scenario)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="No such file"):
        read_json(tmp_path / "nothing.json", Scenario)
