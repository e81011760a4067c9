"""What this host cannot run is told before anything is started."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.bench import able
from hibtest.bench.prepare import Bench
from hibtest.errors import QemuError, SpecError
from hibtest.evidence import Host
from hibtest.machine.able import able as ask
from hibtest.spec import Firmware, GuestSpec, ResumeSpec, Scenario

PLAIN = Scenario(name="one", guest=GuestSpec(kernel="trixie"))
Qemu = Callable[..., Bench]
ANSWERS: tuple[object, ...] = (
    {"QMP": {}},
    {"return": {}},
    {"return": [{"name": "pc-q35-7.2", "alias": "q35", "cpu-max": 288, "other": 1}]},
    {"return": [{"name": "max"}, {"name": "qemu64"}]},
    {"return": {}},
)


@pytest.fixture
def qemu(tmp_path: Path) -> Qemu:
    """Return a host with a QEMU that prints something."""

    def here(says: str = "\n".join(map(json.dumps, ANSWERS))) -> Bench:
        path = tmp_path / f"qemu-{len(list(tmp_path.iterdir()))}"
        path.write_text(f"#!/bin/sh\ncat >/dev/null\ncat <<'.'\n{says}\n.\n")
        path.chmod(0o755)
        return Bench(host=Host(qemu="7.2", accel="tcg"), qemu=str(path), runs=tmp_path)

    return here


def guest(**what: object) -> Scenario:
    return replace(PLAIN, guest=replace(PLAIN.guest, **what))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with 2 CPUs, and 4000 MiB to give."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(able, "available", lambda: 4000)


def test_what_this_host_can_run_asks_no_qemu(qemu: Qemu) -> None:
    assert able.unable(qemu("garbage"), PLAIN) == ""
    assert able.unable(qemu("garbage"), guest(vcpus=32, memory_mib=3600)) == ""


@pytest.mark.parametrize(
    ("scenario", "why"),
    [
        (guest(vcpus=400), "400 vCPUs are more than 16 for each of this host's 2 CPUs"),
        (guest(max_vcpus=33), "33 vCPUs are more than 16 for each of this host's 2 CPUs"),
        (
            replace(PLAIN, resume=ResumeSpec(vcpus=33)),
            "33 vCPUs are more than 16 for each of this host's 2 CPUs",
        ),
        (
            guest(memory_mib=1 << 20),
            "a guest of 1048576 MiB takes 1048976 MiB of memory, and 4000 MiB are available",
        ),
        (
            replace(PLAIN, resume=ResumeSpec(memory_mib=3601)),
            "a guest of 3601 MiB takes 4001 MiB of memory, and 4000 MiB are available",
        ),
    ],
)
def test_too_much_is_told_with_the_number(qemu: Qemu, scenario: Scenario, why: str) -> None:
    assert able.unable(qemu("garbage"), scenario) == why


def test_the_machine_type_of_an_old_qemu_takes_fewer(
    qemu: Qemu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert able.unable(qemu(), guest(vcpus=288)) == ""
    told = able.unable(qemu(), guest(vcpus=400))
    assert told == "400 vCPUs: QEMU 7.2's machine type q35 takes 288"


def test_a_model_that_qemu_has_not(qemu: Qemu) -> None:
    assert able.unable(qemu(), guest(cpu="qemu64,+x2apic")) == ""
    told = able.unable(qemu(), guest(cpu="no-such"))
    assert told.startswith("QEMU 7.2 has no vCPU model 'no-such' (")


def test_a_firmware_that_is_not_there(qemu: Qemu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_file", lambda _: False)
    told = able.unable(qemu("garbage"), guest(firmware=Firmware.OVMF))
    assert told == "/usr/share/ovmf/OVMF.fd is not there (apt install ovmf)"


def test_the_others_are_told_apart(qemu: Qemu) -> None:
    large = replace(guest(vcpus=400), name="large")
    can, others = able.runnable(qemu("garbage"), (PLAIN, large))
    assert can == (PLAIN,)
    assert [str(one).partition(": ")[0] for one in others] == ["large cannot be run here"]


def test_so_many_side_by_side_must_fit() -> None:
    able.require_memory((PLAIN,) * 4, 4)
    able.require_memory((PLAIN,) * 5, 0)
    able.require_memory((PLAIN,) * 2, 99)
    with pytest.raises(SpecError, match="5 guests side by side take up to 4560 MiB") as wrong:
        able.require_memory((PLAIN,) * 9, 5)
    assert wrong.value.hint == "-j 4"


@pytest.mark.parametrize("says", ["", "garbage", '{"return": 1}\n{"return": 2}\n{"return": 3}'])
def test_a_qemu_that_answers_nothing_is_told(qemu: Qemu, says: str) -> None:
    with pytest.raises(QemuError, match="does not say what it can do"):
        ask(qemu(says).qemu)


@pytest.mark.qemu
def test_qemu_is_asked() -> None:
    found = ask("qemu-system-x86_64")
    assert found.machines["q35"] >= 288
    assert {"max", "qemu64"} <= found.models
