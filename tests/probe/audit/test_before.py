"""The state before the hibernation: recorded once in a life, or a word that says why not."""

import json
from pathlib import Path
from typing import Any

import pytest

from hibtest.probe import places
from hibtest.probe.audit import before, devices, memory, power, symbols, table, variables
from hibtest.probe.audit.symbols import Symbol
from hibtest.probe.base import Lacking, ProbeError
from tests.probe.audit.kcore import kcore
from tests.probe.tree import Tree

ADDRESS = 0xFFFFFFFFA0D52CF0
FOUND = [Symbol("gfp_allowed_mask", "T", ADDRESS, ADDRESS + 16), Symbol("_etext", "T", 1 << 63, 0)]


@pytest.fixture(autouse=True)
def states(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in (memory, devices, power):
        monkeypatch.setattr(room, "state", lambda name=room.__name__: {"of": name})


def finder(run: Path, monkeypatch: pytest.MonkeyPatch, found: Any) -> int:
    def looked(names: tuple[str, ...]) -> list[Symbol]:
        assert {"swsusp_save", "gfp_allowed_mask", "fw_lock"} <= set(names)
        if isinstance(found, Exception):
            raise found
        return list(found)

    monkeypatch.setattr(symbols, "table", looked)
    return before.find_symbols(run)


def test_what_is_recorded_is_found(run: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.put("/proc/kcore", kcore({ADDRESS: b"\xc0\x2d\xdc\x00"}))
    tree.put("/proc/iomem", "00001000-0009fbff : System RAM\n")
    before.record(run, finder(run, monkeypatch, FOUND))
    found = before.recorded(run)
    assert found["memory"] == {"of": "hibtest.probe.audit.memory"}
    assert found["variables"] == {"gfp_allowed_mask": [0x00DC2DC0]}
    assert found["addresses"]["gfp_allowed_mask"] == [ADDRESS]
    assert found["variables_lacking"] == ""
    assert found["places"]["symbols"]["gfp_allowed_mask"] == [[ADDRESS, ADDRESS + 16]]
    assert found["places"]["system_ram"] == [[0x1000, 0x9FBFF]]
    assert variables.exercise(found) == "1 variables are as before"


@pytest.mark.parametrize("error", [Lacking("no addresses"), OSError(1, "no"), ValueError("no")])
def test_why_variables_are_not_known_is_recorded(
    run: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    before.record(run, finder(run, monkeypatch, error))
    found = before.recorded(run)
    assert found["variables"] == found["addresses"] == {}
    assert found["variables_lacking"] == str(error)
    assert found["places"] == {"symbols": {}, "system_ram": []}


def test_without_a_core_there_are_places_but_no_variables(
    run: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    before.record(run, finder(run, monkeypatch, FOUND))
    found = before.recorded(run)
    assert found["addresses"] == {}
    assert found["variables_lacking"] == "/proc/kcore: No such file or directory"
    assert "gfp_allowed_mask" in found["places"]["symbols"]


def test_a_search_that_died_is_an_error(
    run: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pid = finder(run, monkeypatch, RuntimeError("died"))
    with pytest.raises(ProbeError, match="the search for the kernel's variables failed") as failed:
        before.record(run, pid)
    assert failed.value.kind == "symbols"
    assert "RuntimeError: died" in capfd.readouterr().err
    assert not (run / before.FILE).exists()


def test_in_a_life_of_which_nothing_was_recorded_there_is_nothing(run: Path) -> None:
    with pytest.raises(ProbeError, match="nothing was planted") as failed:
        before.recorded(run)
    assert failed.value.kind == "before"
    (run / before.FILE).write_text('{"memory": ')
    with pytest.raises(json.JSONDecodeError):
        before.recorded(run)


def test_all_symbols_of_a_name_have_a_place(recorded: Tree) -> None:
    two = [
        Symbol("text.1", "b", 16, 32),
        Symbol("text.1", "b", 64, 80),
        Symbol("log_buf", "d", 8, 16),
    ]
    found = places.places(two)
    assert found["symbols"] == {"text.1": [[16, 32], [64, 80]], "log_buf": [[8, 16]]}
    assert found["system_ram"] == [[0x1000, 0x9FBFF], [0x100000, 0x1FFD0FFF]]


def test_ram_within_something_else_is_not_the_kernels(tree: Tree) -> None:
    below = "  01000000-01ffffff : Kernel code\n  02000000-020fffff : System RAM\n"
    other = "30000000-3fffffff : System RAM (other)\n"
    tree.put("/proc/iomem", f"00100000-1fffffff : System RAM\n{below}{other}")
    assert places.system_ram() == [[0x100000, 0x1FFFFFFF]]


def test_exercises_of_an_audit_have_names_of_their_own() -> None:
    names = [one.name for one in table.exercises({})]
    assert len(set(names)) == len(names) > 25
    # what only looks comes first; /dev/snapshot runs the notifiers once more
    assert names[0] == "kernel-variables"
    assert names[-1] == "snapshot-device"
