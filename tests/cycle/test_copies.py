"""Disks of a run that are kept, and put back later."""

from pathlib import Path

import pytest

from hibtest.cycle.copies import keep, put_back

DISKS = ("root.qcow2", "swap.raw")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose disks were kept, and have gone on since."""
    for name in (*DISKS, "console.log"):
        (tmp_path / name).write_text("then")
    keep(tmp_path)
    for name in (*DISKS, "console.log"):
        (tmp_path / name).write_text("now")
    return tmp_path


def said(run: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in run.iterdir()}


def test_all_disks_are_as_they_were_kept_and_nothing_else_is(run: Path) -> None:
    put_back(run)
    assert said(run) == {"root.qcow2": "then", "swap.raw": "then", "console.log": "now"}


def test_one_alone_is_put_back_and_no_copy_stays(run: Path) -> None:
    put_back(run, alone=run / "swap.raw")
    assert said(run) == {"root.qcow2": "now", "swap.raw": "then", "console.log": "now"}
