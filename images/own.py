"""Somebody's own kernel: a bzImage, and perhaps its modules."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from hibtest.errors import KernelError
from hibtest.images import bzimage, kerneltree, recipes
from hibtest.images.check_kernel import check
from hibtest.images.modules import INSTALL, MARK, find_modules
from hibtest.images.names import KERNEL_FILE
from hibtest.images.source import Source, built_modules
from hibtest.images.tools import Programs
from hibtest.spec.lacking import Missing
from hibtest.store import Recipe, remove_tree, sha256

_BUILTIN = ("modules.builtin", "modules.builtin.modinfo")
_STRIP = "strip"
_TOLD = 3
Fill = Callable[[Programs, Path], Mapping[str, object]]


def prepare(source: Source) -> tuple[Recipe, Fill]:
    """Check the files and return the artifact's recipe and what makes it.

    :raise KernelError: When the file is no kernel, or the modules are another kernel's.
    """
    kernel = source.bzimage
    release = bzimage.read(kernel).release
    if source.tree is not None:
        built = tuple(built_modules(source.tree))
        take, modules = partial(_from_tree, source.tree, built), _digest(built)
    elif source.modules is not None:
        installed = find_modules(source.modules, release)
        take, modules = partial(_installed, installed), _digest(_files(installed))
    else:
        take, modules = None, None
    recipe = recipes.own_kernel(sha256(kernel), modules)

    def fill(programs: Programs, directory: Path) -> Mapping[str, object]:
        shutil.copyfile(kernel, directory / KERNEL_FILE)
        facts: Mapping[str, object] = {}
        if take is not None:
            tree = directory / "tree"
            take(programs, tree / "usr/lib/modules" / release)
            (tree / "lib").symlink_to("usr/lib")
            facts = kerneltree.pack_modules(programs, tree, release, directory)
            remove_tree(tree)
        return {"release": release, "from": str(kernel), **facts}

    return recipe, fill


def vet(source: Source) -> tuple[Missing, ...]:
    """Look whether a guest can boot a kernel at all, before one tries for minutes.

    :return: What it lacks nevertheless, which some scenarios need.
    :raise NoConfig: When its configuration is not found.
    :raise KernelError: When it is damaged, or lacks what no guest works without.
    """
    missing = check(source).missing
    lacking = [one for one in missing if one.always]
    if not lacking:
        return missing
    told = [one.words for one in lacking]
    more = f"; and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    hint = "`hibtest kconfig` prints a configuration that lacks nothing"
    given = source.modules or source.tree
    if given is None and all(one.found == "m" for one in lacking):
        hint = f"give its modules ({INSTALL}), or build it in"
    message = f"{source.bzimage}: no guest works with it: {'; '.join(told[:_TOLD])}{more}"
    raise KernelError(message, hint=hint)


def _installed(source: Path, _programs: Programs, target: Path) -> None:
    # build and source are links into the kernel's tree, not modules
    ignore = shutil.ignore_patterns("build", "source")
    shutil.copytree(source, target, symlinks=True, ignore=ignore)


def _from_tree(
    tree: Path, built: Sequence[tuple[Path, Path]], programs: Programs, target: Path
) -> None:
    strips = shutil.which(_STRIP)
    for source, place in built:
        copy = target / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        if strips:  # debugging information, twenty times as long as the module
            programs.run([_STRIP, "--strip-debug", str(copy)])
    (target / MARK).write_text("".join(f"{place}\n" for _, place in built))
    for name in _BUILTIN:
        if (tree / name).is_file():
            shutil.copyfile(tree / name, target / name)


def _files(directory: Path) -> Iterator[tuple[Path, Path]]:
    for parent, names, files in os.walk(directory):
        names.sort()
        for name in sorted(files):
            path = Path(parent) / name
            if path.is_file() and not path.is_symlink():
                yield path, path.relative_to(directory)


def _digest(files: Iterable[tuple[Path, Path]]) -> str:
    total = hashlib.sha256()
    for path, name in files:
        total.update(f"{name}\0{sha256(path)}\0".encode())
    return total.hexdigest()
