"""A kernel of one's own: the file and the modules must fit each other."""

from pathlib import Path

import pytest

from hibtest.errors import SpecError
from hibtest.images.modules import find_modules
from hibtest.images.own import prepare
from hibtest.images.source import Source
from tests.images.bzimages import make_bzimage

RELEASE = "6.12.0-test"


def modules(place: Path, release: str = RELEASE) -> Path:
    directory = place / release
    directory.mkdir(parents=True)
    (directory / "modules.order").write_text("")
    (directory / "a.ko").write_bytes(b"module")
    return directory


@pytest.fixture
def bzimage(tmp_path: Path) -> Path:
    path = tmp_path / "bzImage"
    path.write_bytes(make_bzimage())
    return path


@pytest.mark.parametrize("above", ["lib/modules", "usr/lib/modules", "."])
def test_modules_are_found_below(tmp_path: Path, above: str) -> None:
    expected = modules(tmp_path / "tree" / above)
    assert find_modules(tmp_path / "tree", RELEASE) == expected.resolve()
    assert find_modules(expected, RELEASE) == expected.resolve()


def test_the_right_one_of_several_releases_is_taken(tmp_path: Path) -> None:
    modules(tmp_path / "lib/modules", "5.0")
    expected = modules(tmp_path / "lib/modules")
    assert find_modules(tmp_path, RELEASE) == expected


def test_modules_of_another_kernel_name_both(tmp_path: Path, bzimage: Path) -> None:
    given = modules(tmp_path / "lib/modules", "6.1.0-other")
    with pytest.raises(SpecError, match=f"modules of 6.1.0-other, but the kernel is {RELEASE}"):
        prepare(Source(bzimage=bzimage, modules=given))


def test_a_directory_without_modules(tmp_path: Path, bzimage: Path) -> None:
    with pytest.raises(SpecError, match=r"no kernel modules in it \(make modules_install"):
        prepare(Source(bzimage=bzimage, modules=tmp_path))


def test_a_directory_that_is_not_there(tmp_path: Path, bzimage: Path) -> None:
    with pytest.raises(SpecError, match="nowhere: no such directory"):
        prepare(Source(bzimage=bzimage, modules=tmp_path / "nowhere"))


def test_a_file_that_is_no_kernel(tmp_path: Path) -> None:
    path = tmp_path / "vmlinuz"
    path.write_text("no kernel")
    with pytest.raises(SpecError, match="not an x86 kernel"):
        prepare(Source(bzimage=path))


def test_contents_make_the_key(tmp_path: Path, bzimage: Path) -> None:
    given = modules(tmp_path / "lib/modules")
    bare, first = (
        prepare(Source(bzimage=bzimage))[0],
        prepare(Source(bzimage=bzimage, modules=given))[0],
    )
    (given / "a.ko").write_bytes(b"changed")
    changed = prepare(Source(bzimage=bzimage, modules=given))[0]
    assert len({bare.key, first.key, changed.key}) == 3
    assert prepare(Source(bzimage=bzimage, modules=given))[0] == changed
