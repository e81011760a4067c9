from pathlib import Path

import pytest
from rich.console import Console

from hibtest.cli.doctor import _table, doctor
from hibtest.doctor import Check
from hibtest.errors import ExitStatus


def test_missing_program_means_that_nothing_can_be_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    assert doctor(tmp_path) == ExitStatus.UNAVAILABLE
    printed = capsys.readouterr().out
    assert "qemu-system-x86_64 is not installed" in printed
    assert "→ apt install qemu-system-x86" in printed


def test_a_path_is_folded_and_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    path = f"/{'a' * 50}/{'b' * 50}"
    Console(width=40).print(_table((Check(name="CPUs", ok=True, detail=path),)))
    assert path in "".join(line[8:].strip() for line in capsys.readouterr().out.splitlines())
