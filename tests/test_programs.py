"""Programs of this host: found, missing, run to their end."""

from pathlib import Path

import pytest

from hibtest.errors import HostError
from hibtest.programs import PACKAGES, find, require, run


def test_what_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hibtest.programs.find", lambda name: None if "sq" in name else name)
    with pytest.raises(HostError, match="mksquashfs not found") as caught:
        require("mksquashfs", "tar")
    assert caught.value.hint == f"apt-get install {PACKAGES['mksquashfs']}"


def test_what_only_root_has_in_its_path_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert find("mkswap")
    assert find("no-such-program") is None


def test_a_program_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"^sh -c echo no room >&2; exit 3: no room$"):
        run(["sh", "-c", "echo no room >&2; exit 3"])
    with pytest.raises(HostError, match=r"^nothing was made: 3$"):
        run(["sh", "-c", "exit 3"], "nothing was made")
    run(["touch", tmp_path / "made"])
    assert (tmp_path / "made").exists()
