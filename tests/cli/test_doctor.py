from pathlib import Path

import pytest

from hibtest.cli.doctor import doctor
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
