"""An artifact from the first who can give it whole."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from hibtest.cluster import fetch, stock
from hibtest.cluster.pieces import Item, Piece
from hibtest.errors import HostError
from hibtest.store import Store, cache_dir
from tests.cluster import lab


class Shelf:
    """Somebody who has what a cache has, and may break off."""

    def __init__(self, name: str, cache: Path, *, good_for: int = 100) -> None:
        self.name, self._store, self._left = name, Store(cache), good_for

    def listing(self, key: str) -> tuple[Item, ...]:
        """Return an artifact's files."""
        return stock.listing(key) if self._store.find(key) else ()

    def piece(self, key: str, name: str, offset: int) -> Piece:
        """Return the next data of a file, as often as it is good for."""
        self._left -= 1
        if self._left < 0:
            raise HostError(f"{self.name} does not answer")
        return stock.part(key, name, offset)


Fetch = Callable[..., list[str]]


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The key of a root disk that is in this host's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "full"))
    lab.stock(Store(cache_dir()))
    [found] = [one.name for one in Store(cache_dir()).artifacts() if one.name.startswith("root-")]
    return found


def _fetched(key: str, to: Path, *sources: Shelf) -> list[str]:
    said: list[str] = []
    shelves: Iterator[fetch.Source] = iter(sources)
    fetch.fetch(key, Store(to), shelves, said.append)
    return said


def test_it_comes_from_the_first_who_has_it(key: str, tmp_path: Path) -> None:
    shelf = partial(Shelf, cache=cache_dir())
    said = _fetched(key, tmp_path / "to", Shelf("empty", tmp_path / "no"), shelf("a"), shelf("b"))
    assert [text.rpartition(" ")[2] for text in said] == ["a"]
    here = Store(tmp_path / "to").path(key)
    there = Store(cache_dir()).path(key)
    assert {one.name: one.read_bytes() for one in here.iterdir()} == {
        one.name: one.read_bytes() for one in there.iterdir()
    }
    assert (here / "root.ext4").stat().st_mode & 0o777 == 0o400


def test_who_breaks_off_is_followed_by_the_next(key: str, tmp_path: Path) -> None:
    shelf = partial(Shelf, cache=cache_dir())
    said = _fetched(key, tmp_path / "to", shelf("a", good_for=2), shelf("b"))
    assert [text.rpartition(" ")[2] for text in said] == ["a", "b"]
    assert Store(tmp_path / "to").find(key)


def test_nobody_has_it(key: str, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=f"nobody has {key}"):
        _fetched(key, tmp_path / "to", Shelf("empty", tmp_path / "no"))


def test_all_break_off(key: str, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="a does not answer"):
        _fetched(key, tmp_path / "to", Shelf("a", cache_dir(), good_for=2))
    assert list((tmp_path / "to" / "store").glob("[!.]*")) == []


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "other"])
def test_nothing_but_its_files_is_given_away(key: str, name: str) -> None:
    with pytest.raises(HostError, match="is not here"):
        stock.part(key, name, 0)


@pytest.mark.parametrize("other", ["../store", ".locks", "..", "a/b"])
def test_a_key_is_no_path(key: str, other: str) -> None:
    assert stock.has(key)
    assert not stock.has(other)
    assert stock.listing(other) == ()
