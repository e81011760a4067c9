"""After a run: shown, and booted once more by hand on copies of its disks. Real guests."""

import hashlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from hibtest import images
from hibtest.cycle.storage.left import disks_in
from hibtest.deadline import Deadline, poll
from hibtest.errors import ExitStatus

pytestmark = pytest.mark.guest

LIMIT = 300.0  # s
# The image is left as it is, armed: a later boot that is not told noresume resumes from it.
NAME = "cold-trixie-noresume"


def _argv(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "hibtest", *map(str, words)]


def _hibtest(*words: str | Path, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _argv(*words), input=said, capture_output=True, text=True, check=False, timeout=LIMIT
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that kept its disks."""
    images.build(["trixie"])
    runs = tmp_path_factory.mktemp("runs")
    done = _hibtest("run", NAME, "--keep", "--no-proof", "--runs", runs)
    assert done.returncode == ExitStatus.EXPECTED, done.stdout
    return runs / NAME / "1"


def _sums(run: Path) -> Mapping[str, str]:
    disks = [run / "root.qcow2", run / "swap.raw"]
    return {disk.name: hashlib.sha256(disk.read_bytes()).hexdigest() for disk in disks}


def test_show_says_what_came_how_long_and_where(run: Path) -> None:
    done = _hibtest("show", run)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{NAME}: COLD_BOOT (noresume)" in done.stdout
    assert re.search(r"^seconds +save +resume *$", done.stdout, re.MULTILINE)
    assert re.search(r"^WRITE +\d+\.\d *$", done.stdout, re.MULTILINE)
    assert re.search(r"resume/console.log +all that the guest printed", done.stdout)
    assert f"hibtest boot {run}" in done.stdout


def test_its_plan_is_json_for_programs(run: Path) -> None:
    plan = json.loads(_hibtest("plan", run.parent.name, "--json").stdout)
    assert [boot["role"] for boot in plan["boots"]] == ["save", "resume"]
    assert plan["boots"][0]["argv"][0].endswith("qemu-system-x86_64")


def test_and_to_programs(run: Path) -> None:
    shown = json.loads(_hibtest("show", run, "--json").stdout)
    assert shown["verdict"]["outcome"] == "COLD_BOOT"
    assert shown["stages"]["save"]["WRITE"] > 0
    assert list(shown["stages"]) == ["save", "resume"]


def test_a_shell_in_the_guest_that_resumed(run: Path) -> None:
    """The image that the run left armed is resumed, on a copy: it stays for the next time."""
    before = _sums(run)
    for _ in range(2):
        script = "cat /proc/cmdline; touch /root/was-here; exit 3\n"
        done = _hibtest("boot", run, "--at", "cold", "--shell", said=script)
        assert done.returncode == 3, done.stderr
        assert "the guest is resumed" in done.stderr
        assert "resume=/dev/disk/by-id/virtio-swap" in done.stdout
    assert _sums(run) == before
    assert not list(run.glob(".boot-*"))


def test_as_its_last_boot_it_starts_afresh(run: Path) -> None:
    done = _hibtest("boot", run, "--shell", said="cat /proc/cmdline\n")
    assert done.returncode == 0, done.stderr
    assert "the guest is ready" in done.stderr
    assert " noresume " in done.stdout


def test_gdb_finds_it_before_its_first_instruction(run: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        _argv("boot", run, "--gdb"), stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as front:
        assert front.stderr is not None
        told = ""
        while "target remote" not in told:
            told = front.stderr.readline()
        place = Path(re.search(r"target remote ([^']+)'", told)[1])  # type: ignore[index]
        poll(lambda: place.exists() or None, Deadline.after(60, "gdb's socket"))
        with socket.socket(socket.AF_UNIX) as gdb:
            gdb.connect(os.fspath(place))
            gdb.sendall(b"+$?#3f")
            assert gdb.recv(1) == b"+"
        front.send_signal(signal.SIGINT)
        front.communicate(timeout=LIMIT)
    assert not list(run.glob(".boot-*"))


def test_a_command_line_that_was_kept_can_be_pasted(run: Path, tmp_path: Path) -> None:
    """On copies, here, and with a console that can be read."""
    line = (run / "resume" / "argv").read_text().replace(str(run), str(tmp_path))
    subprocess.run(["cp", "--sparse=always", *disks_in(run), tmp_path], check=True)
    console = tmp_path / "console.log"
    words = shlex.split(line.replace("mon:stdio", f"file:{console}"))
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as qemu:
        try:
            poll(lambda: _ready(console), Deadline.after(LIMIT, "the guest"))
        finally:
            qemu.kill()


def _ready(console: Path) -> bool | None:
    return (console.exists() and "hibtest: ready" in console.read_text(errors="replace")) or None
