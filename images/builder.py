"""Building: what is missing, in the order it depends on each other, kernels beside the tree."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from hibtest.errors import HostError
from hibtest.images import debian, disks, initramfs, kerneltree, mirror, names, recipes
from hibtest.images.apt import Apt
from hibtest.images.kernels import KernelSource
from hibtest.images.progress import Report, State, Step, step
from hibtest.images.tools import Programs
from hibtest.programs import require
from hibtest.store import Recipe, Store, using

_TREE_MIB = 2500  # the Debian tree unpacked and as a tar, the root disk, kernels beside it
_KERNELS_MIB = 800  # two kernels unpacked and packed
_TOOLS = ("apt-get", "cpio", "depmod", "dpkg-deb", "mke2fs", "mksquashfs", "mmdebstrap")
_MORE_TOOLS = ("ssh-keygen", "tar")


class Builder:
    """One build: a store, the programs it runs, and who hears of its progress."""

    def __init__(self, store: Store, programs: Programs, report: Report) -> None:
        self._store = store
        self._programs = programs
        self._report = report

    def build(self, sources: Sequence[KernelSource], *, update: bool = False) -> None:
        """Build what is missing for kernels; with ``update``, look for newer packages.

        :raise HostError: When this machine lacks something or a step fails.
        """
        todo = [s for s in sources if update or names.kernel_key(self._store, s) is None]
        fresh = update or names.debian_key(self._store) is None
        self._prepare(_TREE_MIB if fresh else _KERNELS_MIB)
        if todo or fresh:
            with self._store.scratch("apt") as directory:
                packages = self._package_lists(directory, todo, fresh=fresh)
                first = [lambda: self._debian(packages)] if fresh else []
                kernels = [lambda s=s: self._kernel(packages, s) for s in todo]
                self._together([*first, *kernels])
        self._derive()
        for source in sources:
            if key := names.kernel_key(self._store, source):
                self._join(key)

    def own_kernel(self, recipe: Recipe, fill: Callable[[Path], Mapping[str, object]]) -> None:
        """Make the artifact of somebody's own kernel, and all that it is booted with.

        :param fill: Makes the artifact in the directory it is given.
        """
        self.build(())
        self._make(recipe, "own kernel", fill)
        self._join(recipe.key)

    def joined(self, kernel_key: str) -> None:
        """Make all that a kernel's artifact is booted with."""
        self.build(())
        self._join(kernel_key)

    def _prepare(self, needed: int) -> None:
        require("setpriv", *_TOOLS, *_MORE_TOOLS, *(() if os.geteuid() == 0 else ("fakeroot",)))
        with using(self._store.root):
            self._store.root.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self._store.root).free >> 20
        if free < needed:
            raise HostError(
                f"{self._store.root}: {free} MiB free, a build needs {needed}",
                hint="make room, or name another directory in $XDG_CACHE_HOME",
            )
        self._store.sweep()

    def _package_lists(self, directory: Path, todo: Sequence[KernelSource], *, fresh: bool) -> Apt:
        suites = dict.fromkeys(suite for source in todo for suite in source.suites)
        suites |= dict.fromkeys(recipes.SUITES if fresh else ())
        with step(self._report, "package lists"):
            acquire = mirror.acquire_options(self._programs)
            packages = Apt(self._programs, directory, mirror.find(self._programs), acquire)
            packages.update(suites)
        return packages

    def _together(self, tasks: Sequence[Callable[[], None]]) -> None:
        # the tree takes one core for as long as all the kernels take another
        with ThreadPoolExecutor(2) as pool:
            try:
                for future in as_completed([pool.submit(task) for task in tasks]):
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._programs.stop()
                raise

    def _debian(self, packages: Apt) -> None:
        def fill(directory: Path) -> Mapping[str, object]:
            return debian.build(self._programs, packages.mirror, packages.acquire, directory)

        recipe = recipes.debian(packages.state(recipes.SUITES))
        self._make(recipe, "Debian tree", fill)
        names.use_debian(self._store, recipe.key)
        self._derive()

    def _derive(self) -> None:
        tree = names.debian_key(self._store)
        if tree is None:
            raise HostError("the Debian tree is gone from the cache", hint="build again")
        tar = self._store.path(tree) / debian.TAR
        run = self._programs
        self._make(recipes.early(tree), "initramfs", lambda d: initramfs.build_early(run, tar, d))
        self._make(recipes.root(tree), "root disk", lambda d: disks.build_root(run, tar, d))
        self._make(recipes.toolbox(tree), "toolbox", lambda d: disks.build_toolbox(run, tar, d))

    def _kernel(self, packages: Apt, source: KernelSource) -> None:
        chosen = packages.newest(source)
        versions = {package.name: package.version for package in chosen}
        recipe = recipes.kernel(source, versions)

        def fill(directory: Path) -> Mapping[str, object]:
            with step(self._report, f"download of kernel {source.name}"):
                debs = packages.download(chosen, directory)
            return {"packages": versions, **kerneltree.build(self._programs, debs, directory)}

        self._make(recipe, f"kernel {source.name}", fill)
        names.use_kernel(self._store, source, recipe.key)

    def _join(self, kernel_key: str) -> None:
        tree = names.debian_key(self._store) or ""
        found, early = self._store.path(kernel_key), self._store.path(recipes.early(tree).key)
        parts = (early / initramfs.EARLY, found / kerneltree.EARLY_MODULES)

        def fill(directory: Path) -> Mapping[str, object]:
            initramfs.join([part for part in parts if part.exists()], directory / names.INITRD)
            keys = (kernel_key, tree, recipes.root(tree).key, recipes.toolbox(tree).key)
            return {"parts": {key: names.facts(self._store.path(key)) for key in keys}}

        self._make(recipes.guest(kernel_key, tree), f"initramfs for {kernel_key}", fill)

    def _make(
        self, recipe: Recipe, what: str, fill: Callable[[Path], Mapping[str, object]]
    ) -> None:
        def reported(directory: Path) -> Mapping[str, object]:
            with step(self._report, what):
                return fill(directory)

        told = False

        def waiting() -> None:
            nonlocal told
            self._programs.check()
            if not told:
                self._report(Step(what=what, state=State.WAITING))
            told = True

        self._store.make(recipe, reported, waiting)
