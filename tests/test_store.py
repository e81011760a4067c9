"""The cache: complete or not there, once for all builders, and errors that say what to do."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from hibtest.errors import HostError
from hibtest.store import MANIFEST, Recipe, Store, remove_tree, sha256

RECIPE = Recipe(kind="test", inputs={"of": 1})


def fill(directory: Path) -> Mapping[str, object]:
    (directory / "data").write_text("content")
    return {"packages": {"a": "1"}}


def fill_and_die(directory: Path) -> Mapping[str, object]:
    (directory / "half").write_text("con")
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def make_slowly(root: Path, inside: Event, go_on: Event, counter: Path) -> None:
    def build(directory: Path) -> Mapping[str, object]:
        with counter.open("a") as file:
            file.write("built\n")
        inside.set()
        go_on.wait(30)
        return fill(directory)

    Store(root).make(RECIPE, build)


def make_dying(root: Path) -> None:
    Store(root).make(RECIPE, fill_and_die)


def left(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "store").iterdir() if path.name != ".locks")


@contextmanager
def another_builds(root: Path) -> Iterator[Event]:
    """Have another process build, until it is told to go on; wait for its end."""
    spawn = multiprocessing.get_context("spawn")
    inside, go_on = spawn.Event(), spawn.Event()
    builder = spawn.Process(target=make_slowly, args=(root, inside, go_on, root / "counter"))
    builder.start()
    assert inside.wait(30)
    try:
        yield go_on
    finally:
        go_on.set()
        builder.join()


def test_an_artifact_is_built_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.make(RECIPE, fill)
    second = store.make(RECIPE, fill_and_die)
    assert first == second == tmp_path / "store" / RECIPE.key
    assert (first / "data").read_text() == "content"


def test_the_manifest_has_facts_and_sums(tmp_path: Path) -> None:
    import json

    path = Store(tmp_path).make(RECIPE, fill)
    manifest = json.loads((path / MANIFEST).read_text())
    assert manifest["packages"] == {"a": "1"}
    assert manifest["files"] == {"data": {"sha256": sha256(path / "data"), "bytes": 7}}


def test_an_artifact_of_another_store_is_taken_over(tmp_path: Path) -> None:
    made = Store(tmp_path / "one").make(RECIPE, fill)
    other = Store(tmp_path / "other")
    taken = other.take(RECIPE.key, lambda new: _copy(made, new))
    assert other.find(RECIPE.key) == taken
    assert (taken / MANIFEST).read_bytes() == (made / MANIFEST).read_bytes()
    assert other.take(RECIPE.key, lambda new: _copy(Path("/nowhere"), new)) == taken


@pytest.mark.parametrize("name", ["data", MANIFEST, "more"])
def test_what_is_not_as_its_manifest_says_is_not_taken_over(name: str, tmp_path: Path) -> None:
    made = Store(tmp_path / "one").make(RECIPE, fill)
    other = Store(tmp_path / "other")

    def damaged(new: Path) -> None:
        _copy(made, new)
        (new / name).write_text("{}")

    with pytest.raises(HostError, match="is not what its manifest says"):
        other.take(RECIPE.key, damaged)
    assert other.find(RECIPE.key) is None
    assert list((tmp_path / "other" / "store").glob(".new-*")) == []


def _copy(made: Path, new: Path) -> None:
    for path in made.iterdir():
        (new / path.name).write_bytes(path.read_bytes())


def test_artifacts_are_write_protected(tmp_path: Path) -> None:
    path = Store(tmp_path).make(RECIPE, fill)
    assert (path / "data").stat().st_mode & 0o222 == 0


def test_the_key_does_not_depend_on_the_order_of_inputs() -> None:
    one, other = ({"a": 1, "b": (2,)}, {"b": (2,), "a": 1})
    assert Recipe(kind="k", inputs=one).key == Recipe(kind="k", inputs=other).key
    assert Recipe(kind="k", inputs={"a": 2, "b": (2,)}).key != Recipe(kind="k", inputs=one).key


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def build(directory: Path) -> Mapping[str, object]:
        fill(directory)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path).make(RECIPE, build)
    assert left(tmp_path) == []


def test_what_a_killed_builder_left_is_built_anew(tmp_path: Path) -> None:
    builder = multiprocessing.get_context("spawn").Process(target=make_dying, args=(tmp_path,))
    builder.start()
    builder.join()
    assert left(tmp_path) == [f".new-{RECIPE.key}"]
    path = Store(tmp_path).make(RECIPE, fill)
    assert left(tmp_path) == [RECIPE.key]
    assert not (path / "half").exists()


def test_sweep_removes_what_dead_builders_left_and_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.scratch("apt") as alive:
        (tmp_path / "store/.new-dead-1").mkdir()
        store.sweep()
        assert left(tmp_path) == [alive.name]
    assert left(tmp_path) == []


def test_two_builders_build_once_and_the_second_says_that_it_waits(tmp_path: Path) -> None:
    waited = []
    with another_builds(tmp_path) as go_on:

        def waiting() -> None:
            waited.append(True)
            go_on.set()

        path = Store(tmp_path).make(RECIPE, fill_and_die, waiting)
    assert waited
    assert (path / "data").read_text() == "content"
    assert (tmp_path / "counter").read_text() == "built\n"


def test_waiting_ends_when_told_to(tmp_path: Path) -> None:
    def stopped() -> None:
        raise HostError("the build was stopped")

    with another_builds(tmp_path), pytest.raises(HostError, match="stopped"):
        Store(tmp_path).make(RECIPE, fill, stopped)


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    def build(_: Path) -> Mapping[str, object]:
        Path("/dev/full").write_text("x")
        return {}

    with pytest.raises(HostError, match="No space left on device") as caught:
        Store(tmp_path).make(RECIPE, build)
    assert "XDG_CACHE_HOME" in (caught.value.hint or "")
    assert left(tmp_path) == []


def test_a_cache_that_is_no_directory(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("")
    with pytest.raises(HostError, match=f"{place}"):
        Store(place).make(RECIPE, fill)
    with pytest.raises(HostError, match=f"{place}"):
        Store(place).read_name("trixie")


def test_a_name_is_read_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.read_name("trixie") is None
    store.write_name("trixie", {"key": "kernel-1"})
    assert store.read_name("trixie") == {"key": "kernel-1"}


def test_a_damaged_name_says_what_to_remove(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_name("trixie", {})
    (tmp_path / "names/trixie.json").write_text("{")
    with pytest.raises(HostError, match=r"trixie\.json: not JSON.*remove that file"):
        store.read_name("trixie")


def test_remove_tree_removes_directories_that_deny_writing(tmp_path: Path) -> None:
    inner = tmp_path / "tree/inner"
    inner.mkdir(parents=True)
    (inner / "file").write_text("")
    inner.chmod(0o500)
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_remove_tree_stops_at_a_mount() -> None:
    # /proc is mounted on every Linux; the tree is refused before anything of it is touched
    with pytest.raises(HostError, match="is mounted"):
        remove_tree(Path("/proc"))
