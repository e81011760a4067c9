"""``hibtest plan`` shows what ``hibtest run`` of the same scenario would do, here and now."""

import json
from pathlib import Path
from typing import Any

import pytest

from hibtest import images
from hibtest.cli.show import plan
from hibtest.spec import GuestFiles
from tests.cycle.jobs import files_in

NAME = "baseline-trixie-platform-2cpu"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory; guest files are nothing but names."""
    files = files_in(tmp_path)

    def own(_kernel: str, *_: object) -> GuestFiles:
        return GuestFiles(**{**_fields(files), "kernel_name": "own", "kernel": Path("/my/kernel")})

    monkeypatch.setattr(images, "guest_files", lambda _: files)
    monkeypatch.setattr(images, "own_kernel", own)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _fields(files: GuestFiles) -> dict[str, Any]:
    return {name: getattr(files, name) for name in GuestFiles.__dataclass_fields__}


def _planned(capsys: pytest.CaptureFixture[str], **options: Any) -> Any:
    plan(NAME, accel="tcg", json=True, **options)
    return json.loads(capsys.readouterr().out)


def test_settings_count(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "hibtest.toml").write_text(
        'memory = 1024\nvcpus = 4\nlives = 1\nappend = "quiet"\nkernel = "7.9"\n'
    )
    found = _planned(capsys)
    guest = found["scenario"]["guest"]
    assert found["scenario"]["name"] == "baseline-own-platform-2cpu"
    assert (guest["memory_mib"], guest["vcpus"], guest["append"]) == (1024, 4, ["quiet"])
    assert [boot["role"] for boot in found["boots"]] == ["save", "resume", "cold"]
    assert all("/my/kernel" in boot["argv"] for boot in found["boots"])


def test_and_options_before_them(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "hibtest.toml").write_text("memory = 1024\n")
    monkeypatch.setenv("HIBTEST_LIVES", "3")
    found = _planned(capsys, memory=2048)
    assert found["scenario"]["guest"]["memory_mib"] == 2048
    assert found["scenario"]["lives"] == 3
    assert len(found["boots"]) == 5


def test_it_says_which_boots_may_start_from_a_template(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "hibtest.toml").write_text("lives = 1\n")
    cold = _planned(capsys, warm=False)
    assert {boot["cold"] for boot in cold["boots"]} == {"no templates are to be used"}
    plan("baseline-trixie-ovmf", accel="tcg")
    assert "# it starts with its firmware: of ovmf none is made" in capsys.readouterr().out
