"""verify finds whatever changed; prune leaves what is in use."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from images import names, recipes, upkeep
from images.kernels import kernel
from images.store import MANIFEST, Recipe, Store


def fill(directory: Path) -> Mapping[str, object]:
    (directory / "root.ext4").write_bytes(bytes(4096))
    return {}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.make(Recipe(kind="root", inputs={}), fill)
    return store


@pytest.fixture
def disk(store: Store) -> Path:
    (artifact,) = store.artifacts()
    path = artifact / "root.ext4"
    path.chmod(0o644)
    return path


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[2048] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (flip, "has changed: SHA-256"),
        (lambda path: path.write_bytes(bytes(4095)), "has 4095 bytes instead of 4096"),
        (lambda path: path.unlink(), "is gone"),
    ],
)
def test_damage_is_found(
    store: Store, disk: Path, damage: Callable[[Path], object], what: str
) -> None:
    damage(disk)
    (finding,) = upkeep.verify(store)
    assert finding.path == disk
    assert finding.what.startswith(what)


def test_what_was_built_is_as_built(store: Store) -> None:
    assert upkeep.verify(store) == ()


def test_a_file_that_was_not_built_is_found(store: Store, disk: Path) -> None:
    (disk.parent / "extra").write_text("")
    (finding,) = upkeep.verify(store)
    assert (finding.path.name, finding.what) == ("extra", "was not built")


def test_a_damaged_manifest_is_found(store: Store, disk: Path) -> None:
    manifest = disk.parent / MANIFEST
    manifest.chmod(0o644)
    manifest.write_text("{")
    (finding,) = upkeep.verify(store)
    assert finding.path == manifest


def test_prune_removes_what_no_kernel_needs(store: Store) -> None:
    source = kernel("trixie")
    used = store.make(recipes.kernel(source, {"linux": "1"}), fill)
    names.use_kernel(store, source, used.name)
    assert upkeep.prune(store) > 0
    assert store.artifacts() == (used,)
    assert names.kernel_key(store, source) == used.name
