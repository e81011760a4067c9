"""``hibtest run`` where this host cannot do what is asked: told before anything starts."""

import shutil
from types import SimpleNamespace

import pytest

from hibtest.bench import able
from hibtest.errors import ExitStatus
from hibtest.spec import Scenario
from tests.commands import Command
from tests.host import Host

GOOD, OTHER = "refused-trixie-no-swap", "cold-trixie-noresume"


def test_a_host_without_room_is_said_before_a_directory_is_made(
    run: Command, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    done = run(GOOD)
    assert done.status == ExitStatus.UNAVAILABLE
    assert "1 MiB are free, 1152 MiB are needed for disks" in done.out
    assert not (host.runs / GOOD).exists()


def test_what_this_host_cannot_run_is_told_and_the_others_are_run(
    run: Command, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(_here: object, scenario: Scenario) -> str:
        return "it has no moon" if scenario.name == OTHER else ""

    monkeypatch.setattr(able, "unable", unable)
    done = run(GOOD, OTHER)
    assert done.status == ExitStatus.EXPECTED
    assert f"{OTHER} cannot be run here: it has no moon\n" in done.out
    assert "1 of 1 as expected; 1 more is not run, see below" in done.out
    assert not (host.runs / OTHER).exists()
    done = run(GOOD, OTHER, "--ktap")
    assert f"ok 1 {OTHER} # SKIP it has no moon" in done.out.splitlines()


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("--vcpus", "4000"), "4000 vCPUs are more than 16 for each of this host's "),
        (("--memory", "1024T"), "a guest of 1073741824 MiB takes "),
    ],
)
def test_more_than_this_host_has_is_refused_before_anything_starts(
    run: Command, host: Host, words: tuple[str, ...], wrong: str
) -> None:
    done = run(GOOD, *words)
    assert done.status == ExitStatus.UNAVAILABLE
    assert f"{GOOD} cannot be run here: {wrong}" in done.out
    assert "none can be run here: nothing was run" in done.out
    assert host.built == []
    assert not host.runs.exists()


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("--vcpus", "9999"), "9999 vCPUs are more than any machine has"),
        (("--memory", "1X"), "'1X' is no size"),
        (("-j", "9999", "--times", "9999"), "guests side by side take up to"),
    ],
)
def test_what_no_host_has_is_a_mistake(
    run: Command, host: Host, words: tuple[str, ...], wrong: str
) -> None:
    done = run(GOOD, *words)
    assert done.status == ExitStatus.USAGE
    assert wrong in done.err
    assert not (host.runs / GOOD).exists()
