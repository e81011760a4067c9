"""Recipes of guest disks: kernels, root disk, toolbox, initramfs.

    build(("trixie",))            what is missing is built; a second time takes milliseconds
    guest_files("trixie")         the files a machine boots this kernel from
    own_kernel("bzImage")         the same for a kernel of your own
    as_then(files)                the same again for the kernel of an earlier run
    verify()                      whether every file is still what was built

Everything lies below ``$XDG_CACHE_HOME/hibtest`` (:mod:`hibtest.store`).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hibtest.errors import HostError, SpecError
from hibtest.images import names
from hibtest.images.kernels import KERNELS, kernel
from hibtest.images.names import Parts, parts_of
from hibtest.images.progress import Report, Step
from hibtest.spec.guest import OWN_KERNEL, GuestFiles
from hibtest.spec.lacking import Missing
from hibtest.store import Store, cache_dir

__all__ = [
    "KERNELS",
    "Parts",
    "Report",
    "Step",
    "are_ours",
    "as_here",
    "as_then",
    "build",
    "damaged",
    "files_of",
    "guest_files",
    "installed",
    "own_kernel",
    "own_lacks",
    "parts_of",
    "prune",
    "root_sha256",
    "sha256",
    "verify",
]

if TYPE_CHECKING:
    from hibtest.images.source import Source
    from hibtest.images.upkeep import Finding

_KEY = re.compile(r"kernel-[0-9a-f]{12}")  # images.store.Recipe.key


def _silent(_: Step) -> None:
    return None


def build(
    wanted: Iterable[str] | None = None, report: Report = _silent, *, update: bool = False
) -> None:
    """Build the guest disks of kernels, as far as they are not there.

    :param wanted: Names of kernels; the usual ones if not given.
    :param update: Whether to look for newer packages.
    :raise SpecError: When there is no kernel of such a name.
    :raise HostError: When this machine lacks something or a step fails.
    """
    usual = (source for source in KERNELS if source.usual)
    sources = list(usual if wanted is None else map(kernel, wanted))
    missing = [source for source in sources if _files(source.name) is None]
    if not missing and not (update and sources):
        return
    from hibtest.images.builder import Builder
    from hibtest.images.tools import Programs

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


def own_kernel(
    kernel: str,
    modules: Path | None = None,
    report: Report = _silent,
    doubt: Callable[[str], None] = lambda _: None,
) -> GuestFiles:
    """Return the files that a kernel of your own is booted from; builds what is missing.

    :param kernel: A build tree, a bzImage, or the release of a kernel that is installed here.
    :param modules: ``lib/modules/RELEASE``, or a directory that holds it
        (``INSTALL_MOD_PATH``); none for a kernel that needs none, or has them beside it.
    :param doubt: Is told what of the kernel could not be looked at.
    :raise SpecError: When there is no such kernel, or no directory of its modules.
    :raise KernelError: When it cannot be a guest's, or the modules are another kernel's.
    :raise HostError: When this machine lacks something or a step fails.
    """
    from hibtest.images import own, source

    store = Store(cache_dir())
    given = source.find(kernel, modules)
    lacks = _lacks(given, doubt)
    recipe, fill = own.prepare(given)
    found = names.files(store, OWN_KERNEL, recipe.key)
    if found is None:
        from hibtest.images.builder import Builder
        from hibtest.images.tools import Programs

        programs = Programs()
        Builder(store, programs, report).own_kernel(recipe, lambda path: fill(programs, path))
        found = names.files(store, OWN_KERNEL, recipe.key)
    if found is None:
        raise HostError(f"{recipe.key} is gone from the cache", hint="try again")
    return replace(found, lacks=lacks)


def own_lacks(
    kernel: str, modules: Path | None = None, doubt: Callable[[str], None] = lambda _: None
) -> tuple[Missing, ...] | None:
    """Return what a kernel of your own lacks, which some scenarios need; builds nothing.

    :return: ``None`` when its configuration is not found; ``doubt`` is told so.
    :raise SpecError: As :func:`own_kernel` does.
    """
    from hibtest.images import source

    return _lacks(source.find(kernel, modules), doubt)


def _lacks(given: "Source", doubt: Callable[[str], None]) -> tuple[Missing, ...] | None:
    from hibtest.images import own
    from hibtest.images.kconfig import NoConfig

    try:
        return own.vet(given)
    except NoConfig as error:
        doubt(f"{error.message}: what it lacks is not known")
        return None


def as_then(files: GuestFiles, report: Report = _silent) -> GuestFiles:
    """Return what the kernel of an earlier run is booted from now; builds what is missing.

    The kernel is that one, whatever its name stands for today; all else is as today's guests
    have it.

    :raise SpecError: When the kernel is not in the cache any more.
    """
    store, key = Store(cache_dir()), files.kernel.parent.name
    if not _KEY.fullmatch(key) or store.find(key) is None:
        what = f"the kernel of that run, {files.kernel_name} {files.release} ({key})"
        hint = "run the scenario by its name, on the kernel that there is now"
        if files.kernel_name == OWN_KERNEL:
            hint = "give it with --kernel"
        raise SpecError(f"{what}, is not in the cache {store.root} any more", hint=hint)
    found = names.files(store, files.kernel_name, key)
    if found is None:
        from hibtest.images.builder import Builder
        from hibtest.images.tools import Programs

        Builder(store, Programs(), report).joined(key)
        found = names.files(store, files.kernel_name, key)
    if found is None:
        raise HostError(f"{key} is gone from the cache", hint="try again")
    return replace(found, lacks=files.lacks)


def are_ours(files: GuestFiles) -> bool:
    """Return whether all that a guest is booted from is in the cache: a run may be anybody's."""
    store = Store(cache_dir()).root.resolve()
    paths = (files.kernel, files.initrd, files.root, files.toolbox, files.modules, files.ssh_key)
    return all(path.resolve().is_relative_to(store) for path in paths if path is not None)


def files_of(name: str, parts: Parts, lacks: tuple[Missing, ...] | None = None) -> GuestFiles:
    """Return the files of artifacts, whatever the kernel's name stands for here.

    :param lacks: What the kernel lacks, as its files say it.
    :raise HostError: When one of them is not here.
    """
    found = names.files_in(Store(cache_dir()), name, parts)
    if found is None:
        raise HostError(f"the guest disks of {name} are gone from the cache", hint="try again")
    return replace(found, lacks=lacks)


def as_here(files: GuestFiles) -> GuestFiles:
    """Return files as they are called in this host's cache, whether they are there or not."""
    store = cache_dir() / "store"

    def here(path: Path) -> Path:
        return store / path.parent.name / path.name

    return replace(
        files,
        kernel=here(files.kernel),
        initrd=here(files.initrd),
        root=here(files.root),
        toolbox=here(files.toolbox),
        modules=here(files.modules) if files.modules else None,
        ssh_key=here(files.ssh_key),
        manifest=here(files.manifest),
    )


def sha256(files: GuestFiles) -> str:
    """Return the SHA-256 of a kernel's bzImage, as its manifest has it.

    :raise HostError: When the manifest cannot be read.
    """
    found = names.read_manifest(files.kernel.parent).files.get(files.kernel.name)
    if found is None:
        raise HostError(f"{files.kernel} is not in its manifest", hint="hibtest images verify")
    return found.sha256


def root_sha256(files: GuestFiles) -> str:
    """Return the SHA-256 of a root disk, as its manifest has it; empty when there is none."""
    try:
        found = names.read_manifest(files.root.parent).files.get(files.root.name)
    except HostError:
        return ""
    return found.sha256 if found else ""


def damaged(files: GuestFiles) -> tuple[str, ...]:
    """Compare the files that a guest boots from with what was built; takes about a second.

    :return: What differs, in words; empty when all is as built.
    """
    return names.damaged(files)


def verify() -> "tuple[Finding, ...]":
    """Compare every file in the cache with its manifest; return what differs.

    :raise HostError: When the cache cannot be read.
    """
    from hibtest.images.upkeep import verify as verify_store

    return verify_store(Store(cache_dir()))


def prune() -> int:
    """Remove artifacts that no kernel is booted from any more; return the bytes freed.

    Disks that earlier runs kept may lie on top of them.

    :raise HostError: When the cache cannot be written.
    """
    from hibtest.images.upkeep import prune as prune_store

    return prune_store(Store(cache_dir()))


def _files(name: str) -> GuestFiles | None:
    store = Store(cache_dir())
    key = names.kernel_key(store, kernel(name))
    return names.files(store, name, key) if key else None
