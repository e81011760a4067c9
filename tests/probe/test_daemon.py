"""The probe as a program: the zipapp itself, run here without any rights it does not need.

What is dangerous outside a guest (the audit, and swapping, hotplug and dm in it) is left to the
scenarios.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hibtest import zipapp
from hibtest.deadline import Deadline, poll
from hibtest.probe import boot
from hibtest.verdict.witnesses import RULES, differences


class Probe:
    """The zipapp in a directory, with a run directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.run = directory / "run"
        self.archive = directory / "probe.pyz"
        self.archive.write_bytes(zipapp.probe())
        disk = str(directory / "disk")
        self.environment = {
            **os.environ, "HIBTEST_PROBE_RUN": str(self.run), "HIBTEST_PROBE_DISK": disk,
        }  # fmt: skip

    def __call__(self, *words: str) -> tuple[int, Any]:
        """Run a command; return its status and the last line of its output, decoded."""
        argv = [sys.executable, "-SB", str(self.archive), *words]
        done = subprocess.run(
            argv, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    def processes(self) -> list[psutil.Process]:
        """Return the processes that plant has left running."""
        return [p for p in psutil.process_iter() if str(self.archive) in arguments(p)]


def arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def probe(tmp_path: Path) -> Iterator[Probe]:
    probe = Probe(tmp_path)
    try:
        yield probe
    finally:
        for process in probe.processes():
            process.kill()


def test_nothing_is_planted_in_a_fresh_life(probe: Probe) -> None:
    status, found = probe("check")
    assert status == 0
    assert found["witnesses"] is None
    assert found["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_planted_witnesses_are_whole_twice(probe: Probe) -> None:
    status, planted = probe("plant", "--private")
    assert status == 0
    for _ in range(2):
        status, found = probe("check")
        assert status == 0
        assert found["boot_id"] == planted["boot_id"]
        for name, facts in planted["witnesses"].items():
            if name == "realtime" and os.geteuid() != 0:
                continue  # SCHED_FIFO is for root, and for those with an RLIMIT_RTPRIO
            assert "error" not in facts
            if "lacking" not in facts and name not in ("threads", "network"):
                assert differences(name, facts, found["witnesses"][name]["found"]) == ()


def test_every_witness_has_a_rule(probe: Probe) -> None:
    _, planted = probe("plant", "--private")
    assert set(planted["witnesses"]) == set(RULES)


def test_planting_twice_is_refused(probe: Probe) -> None:
    probe("plant", "--private")
    status, answer = probe("plant", "--private")
    assert status == 1
    assert answer["error"]["kind"] == "planted"


def _told(probe: Probe, name: str, number: signal.Signals) -> tuple[str, ...]:
    """Send the process of a witness a signal; return what is told of it then."""
    _, planted = probe("plant", "--private")
    facts = planted["witnesses"][name]
    os.kill(facts["pid"], number)
    _, found = probe("check")
    return differences(name, facts, found["witnesses"][name]["found"])


def test_a_lost_process_is_found(probe: Probe) -> None:
    assert any("stands still" in line for line in _told(probe, "counter", signal.SIGKILL))


def test_a_continued_process_is_found(probe: Probe) -> None:
    assert _told(probe, "stopped", signal.SIGCONT) == ("stopped: state was 'T', is 'S'",)


def test_a_lost_daemon_is_an_error_of_every_witness(probe: Probe) -> None:
    _, planted = probe("plant", "--private")
    listener = next(p for p in probe.processes() if p.net_connections(kind="unix"))
    listener.kill()
    poll(lambda: None if listener.is_running() else True, Deadline.after(10, "the end"))
    status, found = probe("check")
    assert status == 0
    assert set(found["witnesses"]) == set(planted["witnesses"])
    assert all("daemon" in report["error"] for report in found["witnesses"].values())


def test_what_was_compiled_is_kept_for_the_commands_that_follow(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot, "CODE", probe.run / "code")
    probe("plant", "--private")
    importer = boot.Importer(str(probe.archive))
    importer.load()
    assert {"hibtest.probe.daemon", "hibtest.linux.tasks"} <= set(importer.codes)
    probe.archive.write_bytes(zipapp.probe() + b"\0")  # another one, that was pushed later
    importer = boot.Importer(str(probe.archive))
    importer.load()
    assert importer.codes == {}


def test_an_unknown_command_is_refused(probe: Probe) -> None:
    status, answer = probe("harvest")
    assert status == 1
    assert "harvest" in answer["error"]["message"]


def test_the_same_sources_give_the_same_archive() -> None:
    assert zipapp.probe() == zipapp.probe()
    assert zipapp.probe()[:2] == b"PK"
