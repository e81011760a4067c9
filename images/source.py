"""Where somebody's own kernel is: a build tree, a bzImage, or a release that is installed here."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hibtest import similar
from hibtest.errors import KernelError, SpecError

BZIMAGE = Path("arch/x86/boot/bzImage")
_BUILT = "modules.order"  # written by `make modules`, at the top of the output
_HINT = "name a build tree, a bzImage, or a kernel that is installed here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A kernel of somebody's own.

    :ivar bzimage: The kernel.
    :ivar modules: ``lib/modules/RELEASE`` or a directory that holds it; ``None``: none are given.
    :ivar tree: The build tree whose modules are taken as they were built, ``None`` for others.
    """

    bzimage: Path
    modules: Path | None = None
    tree: Path | None = None


def find(given: str, modules: Path | None = None, root: Path = Path("/")) -> Source:
    """Find a kernel.

    :param given: A build tree (the directory of ``O=``, if it was built with that), a bzImage, or
        a release such as ``uname -r`` prints.
    :param modules: Its modules, where they are not those beside it.
    :param root: Where installed kernels are.
    :raise SpecError: When there is none.
    """
    path = Path(given)
    if path.is_dir():
        return _in_tree(path, modules)
    if path.exists():
        return Source(bzimage=path, modules=modules)
    if "/" in given:
        raise SpecError(f"{given}: no such file or directory", hint=_HINT)
    return _installed(given, modules, root)


def _in_tree(tree: Path, modules: Path | None) -> Source:
    kernel = tree / BZIMAGE
    if kernel.is_file():
        built = modules is None and (tree / _BUILT).is_file()
        return Source(bzimage=kernel, modules=modules, tree=tree if built else None)
    if not (tree / "Kbuild").exists() and not (tree / ".config").exists():
        raise SpecError(f"{tree}: no kernel tree", hint=_HINT)
    hint = "make bzImage there; of a build with O=DIR name DIR"
    raise SpecError(f"{tree}: not built: there is no {BZIMAGE}", hint=hint)


def _installed(release: str, modules: Path | None, root: Path) -> Source:
    known = dict(_kernels(root))
    kernel = known.get(release)
    if kernel is None:
        here = ", ".join(known) or "none"
        hint = similar.hint(release, known, f"{_HINT} (installed: {here})")
        raise SpecError(f"{release}: no such file, and no such kernel is installed", hint=hint)
    beside = root / "lib/modules" / release
    return Source(bzimage=kernel, modules=modules or (beside if beside.is_dir() else None))


def _kernels(root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted((root / "lib/modules").glob("*/vmlinuz")):
        yield path.parent.name, path
    for path in sorted((root / "boot").glob("vmlinuz-*")):
        yield path.name.removeprefix("vmlinuz-"), path


def built_modules(tree: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each module of a build tree, and its place below ``lib/modules/RELEASE``.

    As ``make modules_install`` does it (scripts/Makefile.modinst, v6.1 to v7.3): what
    modules.order lists, by object or by module file, goes below ``kernel/``.

    :raise KernelError: When a module is not built.
    """
    for line in (tree / _BUILT).read_text().splitlines():
        name = Path(line.removeprefix("kernel/")).with_suffix(".ko")
        if not (tree / name).is_file():
            raise KernelError(f"{tree}: {name} is not built", hint="make modules there")
        yield tree / name, Path("kernel") / name
