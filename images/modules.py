"""A kernel's modules, as ``make modules_install`` leaves them."""

from collections.abc import Iterable
from pathlib import Path

from hibtest.errors import KernelError, SpecError

MARK = "modules.order"  # it lies beside the modules
INSTALL = "make modules_install INSTALL_MOD_PATH=DIR, then --modules DIR"


def find_modules(given: Path, release: str) -> Path:
    """Return the directory of a release's modules.

    :param given: That directory itself, or one that holds ``lib/modules/RELEASE``.
    :raise SpecError: When there is no such directory.
    :raise KernelError: When there are none in it, or only another kernel's.
    """
    if not given.is_dir():
        raise SpecError(f"{given}: no such directory", hint=INSTALL)
    places = [given] if (given / MARK).is_file() else []
    for above in ("lib/modules", "usr/lib/modules", "."):
        places += [mark.parent for mark in given.glob(f"{above}/*/{MARK}")]
    candidates = [path.resolve() for path in places]
    for candidate in candidates:
        if candidate.name == release:
            return candidate
    if not candidates:
        raise KernelError(f"{given}: no kernel modules in it", hint=INSTALL)
    others = ", ".join(sorted({candidate.name for candidate in candidates}))
    raise KernelError(f"{given}: modules of {others}, but the kernel is {release}", hint=INSTALL)


def named(files: Iterable[Path]) -> frozenset[str]:
    """Return what the kernel calls the modules in files such as ``dm-mod.ko.xz``: ``dm_mod``."""
    return frozenset(file.name.partition(".")[0].replace("-", "_") for file in files)
