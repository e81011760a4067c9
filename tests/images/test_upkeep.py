"""verify finds whatever changed; prune leaves what is in use."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from hibtest.errors import HostError
from hibtest.images import names, recipes, upkeep
from hibtest.images.kernels import kernel
from hibtest.spec.guest import GuestFiles
from hibtest.store import MANIFEST, Recipe, Store


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


@pytest.mark.parametrize("text", ["[]", '{"files": 5}', '{"files": {"a": 1}}', "{}"])
def test_a_manifest_of_another_shape_is_the_hosts_fault(
    store: Store, disk: Path, text: str
) -> None:
    manifest = disk.parent / MANIFEST
    manifest.chmod(0o644)
    manifest.write_text(text)
    with pytest.raises(HostError, match=r"manifest\.json") as caught:
        names.require_sizes(disk.parent)
    assert "hibtest images build" in (caught.value.hint or "")
    (finding,) = upkeep.verify(store)
    assert finding.path == manifest


def test_a_file_that_was_cut_is_not_booted_from(disk: Path) -> None:
    names.require_sizes(disk.parent)
    disk.write_bytes(bytes(2048))
    with pytest.raises(HostError, match=r"root\.ext4 has 2048 bytes instead of 4096"):
        names.require_sizes(disk.parent)


def test_a_bit_that_was_flipped_is_told_before_a_guest_is_blamed(disk: Path) -> None:
    files = GuestFiles(
        kernel_name="own", release="6.1", kernel=disk, initrd=disk, root=disk, toolbox=disk,
        modules=None, ssh_key=disk, host_key="", manifest=disk.parent / MANIFEST,
    )  # fmt: skip
    assert names.damaged(files) == ()
    flip(disk)
    assert all("root.ext4 has changed" in what for what in names.damaged(files))
    assert len(names.damaged(files)) == 4


def test_an_artifact_is_its_owners_alone(store: Store) -> None:
    (artifact,) = store.artifacts()
    assert artifact.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in artifact.iterdir()} == {0o400}
