from pathlib import Path

import msgspec
import pytest

from hibtest.errors import HostError, SpecError
from hibtest.machine import accel
from hibtest.machine.accel import Wanted, choose, probe
from hibtest.machine.shape import Accel
from hibtest.machine.version import find_qemu

QEMU = "qemu-system-x86_64"


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hibtest" / "accel.json"


# A QEMU that does what a broken, or a working, KVM makes of one; and counts its runs.
def _qemu(directory: Path, does: str) -> str:
    path = directory / "qemu"
    path.write_text(f'#!/bin/sh\necho run >> "{directory}/runs"\n{does}\n')
    path.chmod(0o755)
    return str(path)


def _runs(directory: Path) -> int:
    return len((directory / "runs").read_text().splitlines())


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "kvm"
    path.touch()
    return path


@pytest.mark.qemu
def test_the_tiny_guest_runs_under_tcg() -> None:
    assert probe(find_qemu(QEMU), Accel.TCG, limit=60) == ""


@pytest.mark.qemu
def test_a_guest_that_does_not_run_in_time_is_told() -> None:
    assert probe(find_qemu(QEMU), Accel.TCG, limit=0.001) == "a guest did not run within 0.001 s"


@pytest.mark.qemu
def test_the_choice_on_this_host_rests_on_a_guest_that_ran(memory: Path) -> None:
    chosen, reason = choose(QEMU, Wanted.AUTO)
    ran = accel.KVM_DEVICE.exists() and probe(find_qemu(QEMU), Accel.KVM) == ""
    assert chosen is (Accel.KVM if ran else Accel.TCG)
    assert (reason == "a guest ran under it") is ran


def test_tcg_is_taken_when_asked_for() -> None:
    assert choose("sh", Wanted.TCG) == (Accel.TCG, "asked for")


def test_unknown_accelerator_names_the_known_ones() -> None:
    with pytest.raises(SpecError, match=r"unknown accelerator 'xen' \(one of auto, kvm, tcg\)"):
        choose("sh", "xen")


def test_host_without_kvm(tmp_path: Path) -> None:
    chosen, reason = choose("sh", Wanted.AUTO, device=tmp_path / "kvm")
    assert (chosen, reason) == (Accel.TCG, f"this host has no {tmp_path}/kvm")


def test_kvm_asked_for_where_there_is_none_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"this host has no .*kvm \(use --accel tcg\)"):
        choose("sh", Wanted.KVM, device=tmp_path / "kvm")


def test_answer_is_remembered(memory: Path, tmp_path: Path, device: Path) -> None:
    qemu = _qemu(tmp_path, "exit 33")
    answers = [choose(qemu, Wanted.AUTO, device=device) for _ in range(2)]
    assert answers == [(Accel.KVM, "a guest ran under it")] * 2
    assert _runs(tmp_path) == 1
    assert _names(memory.parent) == ["accel.json"]


def test_kvm_asked_for_is_tried_anew(memory: Path, tmp_path: Path, device: Path) -> None:
    qemu = _qemu(tmp_path, "echo no such MSR >&2; exit 1")
    trouble = "KVM is there but QEMU ended with status 1: no such MSR"
    assert choose(qemu, Wanted.AUTO, device=device) == (Accel.TCG, trouble)
    with pytest.raises(HostError, match=trouble):
        choose(qemu, Wanted.KVM, device=device)
    assert _runs(tmp_path) == 2


def test_qemu_that_aborts_is_told_by_its_signal(memory: Path, tmp_path: Path, device: Path) -> None:
    qemu = _qemu(tmp_path, "kill -ABRT $$")
    trouble = "KVM is there but QEMU was ended by SIGABRT"
    assert choose(qemu, Wanted.AUTO, device=device) == (Accel.TCG, trouble)


def test_another_qemu_is_tried_anew(memory: Path, tmp_path: Path, device: Path) -> None:
    assert choose(_qemu(tmp_path, "exit 33"), Wanted.AUTO, device=device)[0] is Accel.KVM
    assert choose(_qemu(tmp_path, "exit 1 # newer"), Wanted.AUTO, device=device)[0] is Accel.TCG


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff"])
def test_unreadable_memory_is_as_none(
    memory: Path, tmp_path: Path, device: Path, content: bytes
) -> None:
    memory.parent.mkdir()
    memory.write_bytes(content)
    assert choose(_qemu(tmp_path, "exit 33"), Wanted.AUTO, device=device)[0] is Accel.KVM
    assert list(msgspec.json.decode(memory.read_bytes()).values()) == [""]


def test_memory_that_cannot_be_written_costs_nothing(
    tmp_path: Path, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(device))
    assert choose(_qemu(tmp_path, "exit 33"), Wanted.AUTO, device=device)[0] is Accel.KVM
