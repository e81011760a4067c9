"""Recipes of guest disks: kernels, root disk, toolbox, initramfs.

    build(("trixie",))            what is missing is built; a second time takes milliseconds
    guest_files("trixie")         the files a machine boots this kernel from
    own_kernel(Path("bzImage"))   the same for a kernel of your own

Everything lies below ``$XDG_CACHE_HOME/hibtest`` (:mod:`images.store`).
"""

from collections.abc import Iterable
from pathlib import Path

from harness.errors import HostError
from harness.spec.guest import OWN_KERNEL, GuestFiles
from images import names
from images.kernels import KERNELS, kernel
from images.progress import Report, Step
from images.store import Store, cache_dir

__all__ = ["KERNELS", "Step", "build", "guest_files", "installed", "own_kernel"]


def _silent(_: Step) -> None:
    return None


def build(wanted: Iterable[str] = (), report: Report = _silent, *, update: bool = False) -> None:
    """Build the guest disks of kernels, as far as they are not there.

    :param wanted: Names of kernels; none means all.
    :param update: Whether to look for newer packages.
    :raise SpecError: When there is no kernel of such a name.
    :raise HostError: When this machine lacks something or a step fails.
    """
    sources = [kernel(name) for name in wanted] or list(KERNELS)
    missing = [source for source in sources if _files(source.name) is None]
    if not (missing or update):
        return
    from images.build import Builder
    from images.tools import Programs

    Builder(Store(cache_dir()), Programs(), report).build(sources, update=update)


def guest_files(name: str) -> GuestFiles:
    """Return the files that a kernel is booted from.

    :raise SpecError: When there is no kernel of that name.
    :raise HostError: When they are not built.
    """
    kernel(name)
    found = _files(name)
    if found is None:
        raise HostError(f"guest kernel {name} is not built", hint=f"hibtest images build {name}")
    return found


def installed() -> tuple[GuestFiles, ...]:
    """Return the files of all kernels that are built."""
    found = (_files(source.name) for source in KERNELS)
    return tuple(files for files in found if files is not None)


def own_kernel(bzimage: Path, modules: Path | None = None, report: Report = _silent) -> GuestFiles:
    """Return the files that a kernel of your own is booted from; builds what is missing.

    :param modules: ``lib/modules/RELEASE``, or a directory that holds it
        (``INSTALL_MOD_PATH``); none for a kernel that needs none.
    :raise SpecError: When the file is no kernel, or the modules are another kernel's.
    :raise HostError: When this machine lacks something or a step fails.
    """
    from images import own

    store = Store(cache_dir())
    recipe, fill = own.prepare(bzimage, modules)
    found = names.files(store, OWN_KERNEL, recipe.key)
    if found is None:
        from images.build import Builder
        from images.tools import Programs

        programs = Programs()
        Builder(store, programs, report).own_kernel(recipe, lambda path: fill(programs, path))
        found = names.files(store, OWN_KERNEL, recipe.key)
    if found is None:
        raise HostError(f"{recipe.key} is gone from the cache", hint="try again")
    return found


def _files(name: str) -> GuestFiles | None:
    store = Store(cache_dir())
    key = names.kernel_key(store, kernel(name))
    return names.files(store, name, key) if key else None
