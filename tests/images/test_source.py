"""What --kernel means: a build tree, a bzImage, or a kernel that is installed."""

from pathlib import Path

import pytest

from hibtest.errors import KernelError, SpecError
from hibtest.images.source import Source, built_modules, find


def tree(place: Path, *files: str) -> Path:
    for name in ("Kbuild", *files):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return place


BZIMAGE = "arch/x86/boot/bzImage"


def test_a_file(tmp_path: Path) -> None:
    file = tree(tmp_path, "bzImage") / "bzImage"
    assert find(str(file)) == Source(bzimage=file)
    assert find(str(file), tmp_path) == Source(bzimage=file, modules=tmp_path)


def test_a_build_tree(tmp_path: Path) -> None:
    built = tree(tmp_path, BZIMAGE)
    assert find(str(built)) == Source(bzimage=built / BZIMAGE)


def test_a_build_tree_with_modules(tmp_path: Path) -> None:
    built = tree(tmp_path, BZIMAGE, "modules.order")
    assert find(str(built)) == Source(bzimage=built / BZIMAGE, tree=built)
    given = find(str(built), tmp_path / "elsewhere")
    assert (given.tree, given.modules) == (None, tmp_path / "elsewhere")


def test_a_tree_that_is_not_built_is_told_from_none(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="not built") as caught:
        find(str(tree(tmp_path)))
    assert "O=DIR" in str(caught.value.hint)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpecError, match="no kernel tree"):
        find(str(tmp_path / "empty"))


def test_an_installed_one_with_its_modules(tmp_path: Path) -> None:
    tree(tmp_path, "boot/vmlinuz-6.1.0-9-amd64", "lib/modules/6.1.0-9-amd64/modules.order")
    found = find("6.1.0-9-amd64", root=tmp_path)
    assert found.bzimage == tmp_path / "boot/vmlinuz-6.1.0-9-amd64"
    assert found.modules == tmp_path / "lib/modules/6.1.0-9-amd64"


def test_one_that_lies_with_its_modules(tmp_path: Path) -> None:
    tree(tmp_path, "lib/modules/7.0/vmlinuz")
    assert find("7.0", root=tmp_path).bzimage == tmp_path / "lib/modules/7.0/vmlinuz"


def test_one_that_is_not_installed_names_those_that_are(tmp_path: Path) -> None:
    tree(tmp_path, "boot/vmlinuz-6.1.0-9-amd64")
    with pytest.raises(SpecError, match="no such kernel is installed") as caught:
        find("6.1.0-8-amd64", root=tmp_path)
    assert caught.value.hint == "did you mean 6.1.0-9-amd64?"
    with pytest.raises(SpecError) as caught:
        find("vanilla", root=tmp_path)
    assert "installed: 6.1.0-9-amd64" in str(caught.value.hint)


@pytest.mark.parametrize("given", ["/no/such/bzImage", "./bzImage"])
def test_a_path_that_is_not_there(given: str) -> None:
    with pytest.raises(SpecError, match="no such file or directory"):
        find(given)


@pytest.mark.parametrize(
    "order", ["drivers/block/virtio_blk.o\n", "kernel/drivers/block/virtio_blk.ko\n"]
)
def test_modules_of_a_tree_go_where_make_puts_them(tmp_path: Path, order: str) -> None:
    built = tree(tmp_path, "drivers/block/virtio_blk.ko")
    (built / "modules.order").write_text(order)
    [(file, place)] = built_modules(built)
    assert file == built / "drivers/block/virtio_blk.ko"
    assert place == Path("kernel/drivers/block/virtio_blk.ko")


def test_a_module_that_is_not_built_is_named(tmp_path: Path) -> None:
    built = tree(tmp_path)
    (built / "modules.order").write_text("drivers/block/virtio_blk.o\n")
    with pytest.raises(KernelError, match=r"drivers/block/virtio_blk.ko is not built"):
        list(built_modules(built))
