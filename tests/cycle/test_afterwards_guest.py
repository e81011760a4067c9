"""What goes wrong after a hibernation is the kernel's, in real guests."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.prepare import bench
from hibtest.deadline import Deadline
from hibtest.evidence import Evidence
from hibtest.images.tools import Programs
from hibtest.reach.shell import Shell
from hibtest.spec import GuestSpec, Outcome, Scenario
from hibtest.verdict import Verdict
from tests.cycle.counted import run_counted

pytestmark = pytest.mark.guest

SCENARIO = Scenario(name="afterwards", guest=GuestSpec(kernel="trixie", vcpus=1), lives=1)


def _run(
    directory: Path, at_rest: Callable[[Path], None] | None = None
) -> tuple[Evidence, Verdict]:
    images.build(["trixie"])
    return run_counted(bench(directory, "auto"), SCENARIO, at_rest)


def _debugfs(disk: Path, command: str) -> str:
    return Programs().run(["debugfs", "-R", command, disk])


def test_a_root_that_cannot_be_mounted_is_damage(tmp_path: Path) -> None:
    def at_rest(swap: Path) -> None:
        with swap.open("r+b") as file:
            file.write(bytes(4096))  # no image: the guest starts afresh
        root = swap.parent / "root.qcow2"
        subprocess.run(["qemu-io", "-c", "write -P 0 0 64k", root], check=True)

    evidence, verdict = _run(tmp_path, at_rest)
    assert evidence.trouble is None
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "filesystem"), str(verdict)
    assert "its superblock is gone; resume boot: hibtest: failed: " in verdict.reason


def test_a_panic_of_the_cold_boot_counts_at_once(tmp_path: Path) -> None:
    def at_rest(swap: Path) -> None:
        root, raw = swap.parent / "root.qcow2", tmp_path / "root.raw"
        subprocess.run(["qemu-img", "convert", "-O", "raw", root, raw], check=True)
        size = int(_debugfs(raw, "stats -h").partition("Block size:")[2].split()[0])
        block = int(_debugfs(raw, "bmap /usr/bin/busybox 0"))
        raw.unlink()
        # pid 1 of the life that is resumed has it in memory
        subprocess.run(["qemu-io", "-c", f"write -P 0 {block * size} {size}", root], check=True)

    evidence, verdict = _run(tmp_path, at_rest)
    assert (verdict.outcome, verdict.tries) == (Outcome.PANIC, ()), str(verdict)
    assert "Attempted to kill init" in verdict.reason
    assert [boot.panic != "" for boot in evidence.boots] == [False, False, True]


def test_an_examiner_that_answers_garbage_is_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Shell.ask

    def cut(self: Shell, port: int, line: str, deadline: Deadline) -> Iterator[str]:
        for text in ask(self, port, line, deadline):
            yield text[: len(text) // 2] if line == "check" else text

    monkeypatch.setattr(Shell, "ask", cut)
    evidence, verdict = _run(tmp_path)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "witness-answer"), str(verdict)
    save, resume = evidence.boots
    assert save.saved is not None  # what else was seen is kept
    assert resume.restored is not None
