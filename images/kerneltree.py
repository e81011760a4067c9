"""A kernel as an artifact: bzImage, modules disk, and what the initramfs needs of its modules."""

import gzip
import lzma
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hibtest.errors import HostError
from hibtest.images import bzimage, initramfs, recipes
from hibtest.images.disks import SQUASHFS_OPTIONS
from hibtest.images.names import KERNEL_FILE, MODULES_DISK
from hibtest.images.tools import Programs
from hibtest.store import remove_tree

EARLY_MODULES = "modules.cpio"
CONFIG = "config"
_INDEX = ("modules.order", "modules.builtin", "modules.builtin.modinfo")
_ELSEWHERE = ("build", "source", "vmlinuz", "System.map", "config")


def build(programs: Programs, debs: Iterable[Path], directory: Path) -> dict[str, object]:
    """Make a kernel from its packages.

    :return: Facts for the manifest: its release and the modules in its initramfs.
    :raise HostError: When a program fails or the packages hold no kernel.
    """
    tree = directory / "tree"
    modules = _unpack(programs, debs, tree)
    release = modules.name
    found = [
        path for path in (tree / f"boot/vmlinuz-{release}", modules / "vmlinuz") if path.exists()
    ]
    if not found:
        raise HostError(f"the packages of kernel {release} hold no vmlinuz")
    shutil.move(found[0], directory / KERNEL_FILE)
    configs = (tree / f"boot/config-{release}", modules / "config")
    for config in configs:
        if config.exists():
            shutil.move(config, directory / CONFIG)
    facts = pack_modules(programs, tree, release, directory)
    remove_tree(tree)
    bzimage.read(directory / KERNEL_FILE)
    return {"release": release, **facts}


def pack_modules(
    programs: Programs, tree: Path, release: str, directory: Path
) -> dict[str, object]:
    """Make the modules disk and the initramfs's part of it.

    :param tree: Holds ``usr/lib/modules/RELEASE``, and ``lib`` as a link to ``usr/lib``;
        its modules are unpacked in place.
    :raise HostError: When a program fails.
    """
    modules = tree / "usr/lib/modules" / release
    for name in _ELSEWHERE:
        (modules / name).unlink(missing_ok=True)
    _decompress(modules)
    programs.run(["depmod", "-b", str(tree), release])
    argv = [
        "mksquashfs",
        str(modules),
        str(directory / MODULES_DISK),
        *SQUASHFS_OPTIONS,
        "-all-root",
    ]
    programs.run(argv)
    chosen = _early(programs, tree, release)
    part = directory / "early"
    target = part / "usr/lib/modules" / release
    for path in [*chosen, *(modules / name for name in _INDEX if (modules / name).exists())]:
        copy = target / path.relative_to(modules)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    (part / "lib").symlink_to("usr/lib")
    programs.run(["depmod", "-b", str(part), release])
    # the initramfs has a plain /lib: one tree under that name
    (part / "lib").unlink()
    (part / "usr/lib").rename(part / "lib")
    (part / "usr").rmdir()
    initramfs.pack(programs, part, directory / EARLY_MODULES)
    remove_tree(part)
    return {"early_modules": [path.name for path in chosen]}


def _unpack(programs: Programs, debs: Iterable[Path], tree: Path) -> Path:
    # each package on its own: over a merged tree dpkg-deb replaces the link lib by a directory
    merged = tree / "usr/lib/modules"
    merged.mkdir(parents=True)
    (tree / "boot").mkdir()
    for deb in debs:
        part = tree / "part"
        programs.run(["dpkg-deb", "-x", str(deb), str(part)])
        for source in (part / "lib/modules", part / "usr/lib/modules"):
            if source.is_dir():
                shutil.copytree(
                    source, merged, dirs_exist_ok=True, symlinks=True, copy_function=_move
                )
        if (part / "boot").is_dir():
            shutil.copytree(part / "boot", tree / "boot", dirs_exist_ok=True, copy_function=_move)
        remove_tree(part)
        deb.unlink()
    (tree / "lib").symlink_to("usr/lib")
    releases = [path for path in merged.iterdir() if (path / "modules.order").exists()]
    if len(releases) != 1:
        raise HostError(f"the packages hold modules of {len(releases)} kernels, not of one")
    return releases[0]


def _move(source: str, target: str) -> None:
    Path(source).rename(target)


def _decompress(modules: Path) -> None:
    # once here instead of at every boot under emulation
    def one(path: Path) -> None:
        path.with_suffix("").write_bytes(_DECOMPRESS[path.suffix](path.read_bytes()))
        path.unlink()

    packed = [path for suffix in _DECOMPRESS for path in modules.rglob(f"*.ko{suffix}")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, packed))


def _unzstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


_DECOMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
    ".zst": _unzstd,
}


def _early(programs: Programs, tree: Path, release: str) -> list[Path]:
    # "insmod PATH [OPTIONS]" or "builtin NAME" a line, in the order of loading
    chosen: dict[Path, None] = {}
    for name in recipes.EARLY_MODULES:
        argv = ["modprobe", "-q", "-d", str(tree), "-S", release, "--show-depends", name]
        try:
            shown = programs.run(argv)
        except HostError:
            continue  # neither built in nor a module: the guest says what it misses
        for line in shown.splitlines():
            verb, _, rest = line.partition(" ")
            if verb == "insmod":
                chosen[Path(rest.split()[0]).resolve()] = None
    base = (tree / "usr/lib/modules" / release).resolve()
    return [base / path.relative_to(base) for path in chosen]
