"""Whether the cache still holds what was built, and what of it is of no more use."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hibtest.errors import HostError
from hibtest.images import names, recipes
from hibtest.images.kernels import KERNELS, KernelSource
from hibtest.store import MANIFEST, Store, using


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A file that is not what was built.

    :ivar path: The file.
    :ivar what: What is wrong with it.
    """

    path: Path
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A guest kernel that there is.

    :ivar about: Where it comes from.
    :ivar release: What is built of it, as ``uname -r`` prints it; empty when nothing is.
    :ivar bytes: What it takes on the disk.
    :ivar built: The day, ``YYYY-MM-DD``; empty when it is not built.
    """

    name: str
    about: str
    release: str = ""
    bytes: int = 0
    built: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What there is.

    :ivar root: The cache's directory.
    :ivar bytes: What all of it takes on the disk; ``unused``: what no kernel is booted from.
    """

    root: Path
    kernels: tuple[Kernel, ...]
    bytes: int
    unused: int


def stock(store: Store) -> Stock:
    """Return what there is.

    :raise HostError: When the cache cannot be read.
    """
    used = in_use(store)
    sizes = {artifact.name: size(artifact) for artifact in store.artifacts()}
    return Stock(
        root=store.root,
        kernels=tuple(_kernel(store, source) for source in KERNELS),
        bytes=sum(sizes.values()),
        unused=sum(taken for name, taken in sizes.items() if name not in used),
    )


def _kernel(store: Store, source: KernelSource) -> Kernel:
    key = names.kernel_key(store, source)
    files = names.files(store, source.name, key) if key else None
    if files is None:
        return Kernel(name=source.name, about=source.about)
    directory = files.kernel.parent
    made = datetime.fromtimestamp((directory / MANIFEST).stat().st_mtime, UTC).astimezone()
    return Kernel(
        name=source.name,
        about=source.about,
        release=files.release,
        bytes=size(directory) + size(files.initrd.parent),
        built=made.strftime("%Y-%m-%d"),
    )


def verify(store: Store) -> tuple[Finding, ...]:
    """Compare every file of every artifact with the manifest.

    :raise HostError: When the cache cannot be read.
    """
    with using(store.root), ThreadPoolExecutor(2) as pool:
        found = list(pool.map(_verify, store.artifacts()))
    return tuple(finding for findings in found for finding in findings)


def in_use(store: Store) -> frozenset[str]:
    """Return the keys of the artifacts that the kernels of today are booted from."""
    tree = names.debian_key(store)
    kernels = [key for source in KERNELS if (key := names.kernel_key(store, source))]
    if tree is None:
        return frozenset(kernels)
    parts = [part(tree).key for part in (recipes.root, recipes.toolbox, recipes.early)]
    return frozenset([tree, *parts, *kernels, *(recipes.guest(key, tree).key for key in kernels)])


def prune(store: Store) -> int:
    """Remove the artifacts that are not in use; return the bytes freed."""
    freed = 0
    with using(store.root):
        for path in store.artifacts():
            if path.name not in in_use(store):
                freed += size(path)
                store.remove(path.name)
    return freed


def size(artifact: Path) -> int:
    """Return the bytes that an artifact takes on the disk."""
    return sum(path.stat().st_blocks * 512 for path in artifact.rglob("*"))


def _verify(artifact: Path) -> list[Finding]:
    try:
        listed = names.read_manifest(artifact).files
    except HostError as error:
        return [Finding(path=artifact / MANIFEST, what=f"cannot be read: {error}")]
    found = []
    for name, expected in listed.items():
        if what := names.differs(artifact / name, expected):
            found.append(Finding(path=artifact / name, what=what))
    present = {str(path.relative_to(artifact)) for path in artifact.rglob("*") if path.is_file()}
    extra = sorted(present - set(listed) - {MANIFEST})
    return found + [Finding(path=artifact / name, what="was not built") for name in extra]
