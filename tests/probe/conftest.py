"""What tests of the probe start from."""

import importlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hibtest.probe import procfs
from tests.probe.tree import KERNELS, Tree

PLACED = (
    "audit.helpers", "audit.storage", "audit.variables", "witnesses.files", "witnesses.memory",
    "witnesses.storage", "witnesses.workers", "workloads.disks", "workloads.fuse_server",
    "workloads.table",
)  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """An empty /proc, /sys and /dev; nothing is waited for."""
    found = Tree(tmp_path / "tree")
    found.serve(monkeypatch)
    monkeypatch.setattr(procfs, "write", found.write)
    monkeypatch.setattr(procfs, "PATIENCE", 0.0)
    return found


@pytest.fixture(params=KERNELS)
def recorded(tree: Tree, request: pytest.FixtureRequest) -> Tree:
    """What each kernel showed in a guest with two CPUs."""
    tree.load(request.param)
    return tree


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for."""
    monkeypatch.setattr(procfs, "PATIENCE", 0.0)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the probe keeps its files; those on a disk are in ``disk`` beside it."""
    place = tmp_path / "run"
    place.mkdir()
    for name in PLACED:
        module = importlib.import_module(f"hibtest.probe.{name}")
        monkeypatch.setattr(module, "RUN", place, raising=False)
        monkeypatch.setattr(module, "DISK", tmp_path / "disk", raising=False)
    return place


@pytest.fixture
def ending() -> Iterator[None]:
    """End the children that a test leaves behind."""
    before = {child.pid for child in psutil.Process().children()}
    yield
    for child in psutil.Process().children(recursive=True):
        if child.pid not in before:
            child.kill()
            if child.ppid() == os.getpid():
                child.wait()
