"""Somebody's own kernel: a bzImage, and perhaps its modules."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from hibtest.errors import SpecError
from hibtest.images import bzimage, kerneltree, recipes
from hibtest.images.names import KERNEL_FILE
from hibtest.images.store import Recipe, remove_tree, sha256
from hibtest.images.tools import Programs

_MARK = "modules.order"  # modules_install puts it beside the modules
_INSTALL = "make modules_install INSTALL_MOD_PATH=DIR, then --modules DIR"
Fill = Callable[[Programs, Path], Mapping[str, object]]


def prepare(kernel: Path, modules: Path | None) -> tuple[Recipe, Fill]:
    """Check the files and return the artifact's recipe and what makes it.

    :raise SpecError: When the file is no kernel, or the modules are another kernel's.
    """
    release = bzimage.read(kernel).release
    source = None if modules is None else find_modules(modules, release)
    recipe = recipes.own_kernel(sha256(kernel), _tree_hash(source) if source else None)

    def fill(programs: Programs, directory: Path) -> Mapping[str, object]:
        shutil.copyfile(kernel, directory / KERNEL_FILE)
        facts: Mapping[str, object] = {}
        if source is not None:
            tree = directory / "tree"
            target = tree / "usr/lib/modules" / release
            # build and source are links into the kernel's tree, not modules
            ignore = shutil.ignore_patterns("build", "source")
            shutil.copytree(source, target, symlinks=True, ignore=ignore)
            (tree / "lib").symlink_to("usr/lib")
            facts = kerneltree.pack_modules(programs, tree, release, directory)
            remove_tree(tree)
        return {"release": release, "from": str(kernel), **facts}

    return recipe, fill


def find_modules(given: Path, release: str) -> Path:
    """Return the directory of a release's modules.

    :param given: That directory itself, or one that holds ``lib/modules/RELEASE``.
    :raise SpecError: When there are none, or only another kernel's.
    """
    if not given.is_dir():
        raise SpecError(f"{given}: no such directory", hint=_INSTALL)
    places = [given] if (given / _MARK).is_file() else []
    for above in ("lib/modules", "usr/lib/modules", "."):
        places += [mark.parent for mark in given.glob(f"{above}/*/{_MARK}")]
    candidates = [path.resolve() for path in places]
    for candidate in candidates:
        if candidate.name == release:
            return candidate
    if not candidates:
        raise SpecError(f"{given}: no kernel modules in it", hint=_INSTALL)
    others = ", ".join(sorted({candidate.name for candidate in candidates}))
    raise SpecError(f"{given}: modules of {others}, but the kernel is {release}", hint=_INSTALL)


def _tree_hash(directory: Path) -> str:
    total = hashlib.sha256()
    for parent, names, files in os.walk(directory):
        names.sort()
        for name in sorted(files):
            path = Path(parent) / name
            if path.is_file() and not path.is_symlink():
                total.update(f"{path.relative_to(directory)}\0{sha256(path)}\0".encode())
    return total.hexdigest()
