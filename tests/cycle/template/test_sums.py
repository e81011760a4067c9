"""What files hold: told by content, read once."""

import os
from pathlib import Path

import pytest

from hibtest.cycle.template import sums
from hibtest.cycle.template.sums import Sums
from hibtest.store import sha256


def test_file_is_read_again_only_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def reads(path: Path) -> str:
        read.append(path)
        return sha256(path)

    monkeypatch.setattr(sums, "sha256", reads)
    file, memory = tmp_path / "file", tmp_path / "kept" / "sums.json"
    file.write_text("one")
    first = Sums(memory).of(file)
    assert Sums(memory).of(file) == first
    assert read == [file]
    times = file.stat()
    file.write_text("two")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert Sums(memory).of(file) != first
    assert read == [file, file]


@pytest.mark.parametrize("damage", [b"", b"{", b'{"a": 1}', b"[]"])
def test_memory_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, damage: bytes) -> None:
    file, memory = tmp_path / "file", tmp_path / "sums.json"
    file.write_text("one")
    memory.write_bytes(damage)
    assert Sums(memory).of(file) == sha256(file)
    assert Sums(memory).of(file) == sha256(file)
