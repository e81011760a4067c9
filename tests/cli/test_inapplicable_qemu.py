"""Scenarios that do not apply to this host's QEMU: as ``run``, ``list``, ``plan`` tell them."""

import json

import pytest

from hibtest.errors import ExitStatus
from tests.commands import Command
from tests.host import Host

GOES, OTHER = "cpus-bookworm-unplugged", "refused-trixie-no-swap"
WHY = "QEMU 7.2.22 crashes when a CPU is unplugged under TCG; 8 or newer is needed"


@pytest.fixture
def old(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host whose QEMU is Debian 12's, and has no KVM."""
    host.program("qemu-system-x86_64", "echo QEMU emulator version 7.2.22")
    monkeypatch.setenv("HIBTEST_ACCEL", "tcg")
    return host


def test_they_are_told_and_not_run(run: Command, old: Host) -> None:
    done = run(GOES, OTHER)
    assert done.status == ExitStatus.EXPECTED
    assert f"{GOES} does not apply: {WHY}\n" in done.out
    assert not (old.runs / GOES).exists()


def test_ktap_has_them_as_skipped(run: Command, old: Host) -> None:
    done = run(GOES, OTHER, "--ktap")
    lines = [line for line in done.out.splitlines() if not line.startswith("#")]
    assert lines == [
        "KTAP version 1", "1..2", f"ok 1 {GOES} # SKIP {WHY}", f"ok 2 {OTHER}",
    ]  # fmt: skip


def test_the_list_says_so(hibtest: Command, old: Host) -> None:
    lines = hibtest("list", "-k", "cpus and bookworm").out.splitlines()
    [told] = [line for line in lines if line.startswith(f"{GOES} ")]
    assert f"does not apply: {WHY}" in told
    told_json = {
        one["name"]: one["inapplicable"]
        for one in json.loads(hibtest("list", "-k", "cpus and bookworm", "--json").out)
    }
    assert told_json[GOES] == WHY
    assert told_json["cpus-bookworm-plugged"] == ""


def test_a_plan_says_so(hibtest: Command, old: Host) -> None:
    done = hibtest("plan", GOES, "--accel", "tcg")
    assert f"# does not apply, and would not be run: {WHY}" in done.out.splitlines()
