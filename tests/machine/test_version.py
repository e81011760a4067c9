from pathlib import Path

import pytest

from hibtest.errors import HostError, QemuError
from hibtest.evidence import Host
from hibtest.machine.version import barred, find_qemu, known_trouble, qemu_version
from hibtest.spec import GuestSpec, Plug, Scenario, Unplug


@pytest.mark.qemu
def test_version_of_the_installed_qemu_is_numbers() -> None:
    assert all(part.isdigit() for part in qemu_version("qemu-system-x86_64").split("."))


def test_missing_qemu_names_the_package() -> None:
    with pytest.raises(HostError, match=r"no-qemu is not installed \(apt install qemu-system-x86"):
        find_qemu("no-qemu")


def test_program_that_is_no_qemu_is_named(tmp_path: Path) -> None:
    with pytest.raises(QemuError, match="true --version says no version"):
        qemu_version(_script(tmp_path, "true"))


def _script(directory: Path, name: str) -> str:
    path = directory / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_old_qemu_is_told_of() -> None:
    assert known_trouble("10.0.2") is None
    assert known_trouble("8.2.2") is None
    trouble = known_trouble("7.2.22")
    assert trouble is not None
    assert "7.2.22" in trouble


PLUGS = Scenario(
    name="plugs", guest=GuestSpec(kernel="trixie", max_vcpus=4), before=(Plug(),), after=(Plug(),)
)
UNPLUGS = Scenario(
    name="unplugs", guest=GuestSpec(kernel="trixie", max_vcpus=4), after=(Plug(), Unplug())
)


@pytest.mark.parametrize(
    ("scenario", "version", "accel", "why"),
    [
        (UNPLUGS, "7.2.22", "tcg", "crashes when a CPU is unplugged under TCG; 8 or newer"),
        (UNPLUGS, "7.2.22", "kvm", ""),
        (UNPLUGS, "8.0.0", "tcg", ""),
        (UNPLUGS, "10.0.2", "tcg", ""),
        (PLUGS, "7.2.22", "tcg", ""),
    ],
)
def test_a_scenario_that_would_end_a_qemu_does_not_apply_to_it(
    scenario: Scenario, version: str, accel: str, why: str
) -> None:
    told = barred(scenario, Host(qemu=version, accel=accel))
    assert bool(told) is bool(why)
    assert why in told
