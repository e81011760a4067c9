"""Where templates are kept: whole or not there, damaged ones told, no more than fit."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from hibtest.cycle.template import shelf as module
from hibtest.cycle.template.shelf import Shelf
from hibtest.errors import HostError
from hibtest.store import Recipe, Store

_SIZE = 1 << 20


def _recipe(number: int = 1) -> Recipe:
    return Recipe(kind="template-early", inputs={"number": number})


def _fill(directory: Path) -> Mapping[str, object]:
    (directory / "state").write_bytes(b"s" * _SIZE)
    return {"scenario": "one"}


@pytest.fixture(name="shelf")
def _shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "templates")


def test_shape_that_was_met_is_remembered(shelf: Shelf, tmp_path: Path) -> None:
    assert [shelf.meet("a"), shelf.meet("b"), Shelf(tmp_path / "templates").meet("a")] == [0, 0, 1]


def test_template_is_there_once_it_was_made(shelf: Shelf) -> None:
    key = _recipe().key
    assert shelf.find(key) is None
    path = shelf.make(_recipe(), _fill)
    assert shelf.find(key) == path
    shelf.use(key)
    [kept] = shelf.kept()
    assert (kept.key, kept.uses, kept.facts["scenario"]) == (key, 1, "one")
    assert kept.bytes >= _SIZE


def test_others_cannot_look_in(shelf: Shelf, tmp_path: Path) -> None:
    shelf.meet("a")
    assert (tmp_path / "templates").stat().st_mode & 0o777 == 0o700


def test_others_cannot_look_in_when_a_file_was_summed_first(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"kernel")
    Shelf(tmp_path / "templates").sums.of(file)
    assert (tmp_path / "templates").stat().st_mode & 0o777 == 0o700


def test_others_cannot_look_in_while_one_is_made(shelf: Shelf) -> None:
    modes = list[int]()

    def looks(directory: Path) -> Mapping[str, object]:
        modes.append(directory.stat().st_mode & 0o777)
        return _fill(directory)

    shelf.make(_recipe(), looks)
    assert modes == [0o700]


def test_template_that_another_removes_meanwhile_is_not_among_them(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = shelf.make(_recipe(1), _fill)
    stays = shelf.make(_recipe(2), _fill)
    found = shelf._store.artifacts()
    shelf.drop(gone.name)
    monkeypatch.setattr(Store, "artifacts", lambda _: found)
    assert [one.key for one in shelf.kept()] == [stays.name]


def test_half_a_template_is_none(shelf: Shelf) -> None:
    def dies(directory: Path) -> Mapping[str, object]:
        _fill(directory)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shelf.make(_recipe(), dies)
    assert shelf.find(_recipe().key) is None
    assert shelf.kept() == ()


@pytest.mark.parametrize("damage", [b"", b"t" * _SIZE, None])
def test_damaged_template_is_told_and_goes(shelf: Shelf, damage: bytes | None) -> None:
    state = shelf.make(_recipe(), _fill) / "state"
    assert shelf.find(_recipe().key)
    state.chmod(0o600)
    if damage is None:
        state.unlink()
    else:
        state.write_bytes(damage)
    with pytest.raises(HostError, match="state is not what was saved"):
        shelf.find(_recipe().key)
    assert shelf.find(_recipe().key) is None


def test_template_is_retired_after_so_many_boots(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_USES", 2)
    key = _recipe().key
    shelf.make(_recipe(), _fill)
    for _ in range(2):
        assert shelf.find(key)
        shelf.use(key)
    assert shelf.find(key) is None
    shelf.make(_recipe(), _fill)
    assert shelf.find(key)


def test_what_was_not_used_for_longest_makes_room(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 3 * _SIZE)
    for number in (1, 2):
        shelf.make(_recipe(number), _fill)
    shelf.use(_recipe(1).key)
    shelf.make(_recipe(3), _fill)
    assert {one.key for one in shelf.kept()} == {_recipe(1).key, _recipe(3).key}


def test_newest_stays_however_large(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    shelf.make(_recipe(), _fill)
    assert shelf.find(_recipe().key)


def test_all_are_removed_with_what_is_known_of_them(shelf: Shelf) -> None:
    shelf.make(_recipe(), _fill)
    shelf.meet("other")
    assert shelf.clear() >= _SIZE
    assert shelf.kept() == ()
    assert shelf.meet("other") == 0
