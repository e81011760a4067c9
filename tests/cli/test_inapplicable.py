"""Scenarios that do not apply to one's own kernel: as ``run``, ``list``, ``plan`` tell them."""

import json

import pytest

from hibtest.errors import ExitStatus
from tests.commands import Command
from tests.host import Host

LOADS, OTHER = "needed-own-nbd-netlink", "refused-own-no-swap"
WHY = "CONFIG_BLK_DEV_NBD is not set (disks over the network)"
BY_DEVICE = "test_snapshot_device[on-own-barred-by-memfd-secret]"


@pytest.fixture
def own(host: Host) -> Host:
    """A host with an own kernel that lacks something; one scenario has been recorded on it."""
    host.lacks = ("BLK_DEV_NBD", "SECRETMEM")
    host.saw(OTHER, (host.place / "evidence" / "refused-trixie-no-swap").read_bytes())
    return host


def test_they_are_told_and_not_run(run: Command, own: Host) -> None:
    done = run("-k", "nbd or no-swap", "--kernel", "bzImage", "--times", "2")
    assert done.status == ExitStatus.EXPECTED
    assert f"{LOADS} does not apply: {WHY}\n" in done.out
    assert "2 of 2 as expected; 1 more does not apply, see below" in done.out
    assert not (own.runs / LOADS).exists()


def test_where_none_applies_nothing_could_be_judged(run: Command, own: Host) -> None:
    done = run(LOADS, "--kernel", "bzImage")
    assert done.status == ExitStatus.UNAVAILABLE
    assert f"{LOADS} does not apply: {WHY}\n" in done.out
    assert "nothing was run" in done.out
    assert run(LOADS, "--kernel", "bzImage", "--bisect").status == ExitStatus.UNTESTED


def test_ktap_has_them_as_skipped(run: Command, own: Host) -> None:
    done = run("-k", "nbd or no-swap", "--kernel", "bzImage", "--ktap")
    lines = [line for line in done.out.splitlines() if not line.startswith("#")]
    assert lines == [
        "KTAP version 1", "1..2", f"ok 1 {LOADS} # SKIP {WHY}", f"ok 2 {OTHER}",
    ]  # fmt: skip


def test_json_has_none_of_them_and_standard_error_all(run: Command, own: Host) -> None:
    done = run("-k", "nbd or no-swap", "--kernel", "bzImage", "--json")
    assert [row["verdict"]["scenario"] for row in json.loads(done.out)] == [OTHER]
    assert f"{LOADS} does not apply" in done.err


def test_the_list_has_them_with_the_option(hibtest: Command, own: Host) -> None:
    done = hibtest("list", "--kernel", "bzImage")
    lines = done.out.splitlines()
    assert any(LOADS in line and f"does not apply: {WHY}" in line for line in lines)
    assert any(OTHER in line and "REFUSED" in line for line in lines)
    assert not any("trixie" in line for line in lines if line.startswith(("baseline", "test_snap")))
    [told] = [line for line in lines if line.startswith(BY_DEVICE)]
    assert told.startswith(f"{BY_DEVICE} does not apply: CONFIG_SECRETMEM is not set")


def test_the_list_as_json_has_the_reason_with_each(hibtest: Command, own: Host) -> None:
    done = hibtest("list", "-k", "nbd or no-swap", "--kernel", "bzImage", "--json")
    told = {one["name"]: one["inapplicable"] for one in json.loads(done.out)}
    assert told == {LOADS: WHY, OTHER: ""}


def test_modules_alone_are_nobodys(hibtest: Command, own: Host) -> None:
    done = hibtest("list", "--modules", "lib")
    assert done.status == ExitStatus.USAGE
    assert "needs --kernel" in done.err


def test_a_plan_says_so(hibtest: Command, own: Host) -> None:
    done = hibtest("plan", "needed-backports-nbd-netlink", "--kernel", "bzImage", "--accel", "tcg")
    assert f"# does not apply, and would not be run: {WHY}" in done.out.splitlines()
