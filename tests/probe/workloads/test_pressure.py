"""Memory that is filled, and read again: of files and of processes, as far as a host has it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hibtest.probe import pages, procfs
from hibtest.probe.base import Facts, Lacking
from hibtest.probe.workloads import hoarder, pressure
from hibtest.spec import Memory
from hibtest.verdict.witnesses import workload

SIZE = 2 * hoarder.STEP * pages.SIZE
MEMINFO = "MemTotal: 1000000 kB\nMemAvailable: 700000 kB\nHugepagesize: 2048 kB\n"


@contextmanager
def _filled(kind: Memory) -> Iterator[Facts]:
    planted = pressure.start(kind, 60)
    try:
        yield planted
    finally:
        os.kill(planted["server"]["pid"], signal.SIGKILL)


@pytest.fixture(name="small")
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have little filled, and its files elsewhere."""
    monkeypatch.setattr(pressure, "missing", lambda _: SIZE)
    monkeypatch.setattr(pressure, "RUN", tmp_path)
    monkeypatch.setattr(pressure, "CACHED", tmp_path / "cached")
    return tmp_path


@pytest.mark.parametrize("kind", [Memory.ANONYMOUS, Memory.LOCKED])
def test_memory_of_a_process_is_read_where_it_lies(kind: Memory, small: Path) -> None:
    with _filled(kind) as planted:
        assert planted["bytes"] == SIZE
        assert pressure.look(planted) == planted
        with Path(f"/proc/{planted['server']['pid']}/mem").open("r+b", buffering=0) as memory:
            memory.seek(planted["address"] + SIZE - 1)
            memory.write(b"?")
        assert workload(planted, pressure.look(planted))
    assert (small / "pressure").exists()


def test_page_cache_is_a_file_that_was_read(small: Path) -> None:
    planted = pressure.start(Memory.PAGE_CACHE, 60)
    assert planted["bytes"] == (small / "cached").stat().st_size == SIZE
    assert not workload(planted, pressure.look(planted))
    os.truncate(small / "cached", SIZE - 1)
    assert workload(planted, pressure.look(planted))


def test_it_fills_up_to_a_share_of_all_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text(MEMINFO)
    kib = procfs.kib
    monkeypatch.setattr(procfs, "kib", lambda _, key: kib(str(tmp_path / "meminfo"), key))
    assert pressure.missing(60) == 300000 * 1024 // (1 << 20) * (1 << 20)
    assert pressure.missing(10) == 1 << 20  # more is in use already: as little as can be


def test_a_kernel_without_huge_pages_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pressure, "HUGE", tmp_path / "none")
    with pytest.raises(Lacking, match="none is not there"):
        pressure.huge(1 << 20)
