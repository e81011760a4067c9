"""What this host has of guest disks, told and handed out by the keys of its artifacts."""

from collections.abc import Sequence
from pathlib import Path

from hibtest import images
from hibtest.cluster.order import Kernel
from hibtest.cluster.pieces import Item, Piece, piece
from hibtest.errors import HibtestError, HostError
from hibtest.images.names import read_manifest
from hibtest.spec import GuestFiles
from hibtest.store import MANIFEST, Store, cache_dir, sha256


def has(key: str) -> bool:
    """Return whether an artifact is here."""
    try:
        return _find(key) is not None
    except HibtestError:
        return False


def listing(key: str) -> tuple[Item, ...]:
    """Return the files of an artifact as they were built, its manifest last; empty: not here.

    :raise HostError: When its manifest cannot be read.
    """
    found = _find(key)
    if found is None:
        return ()
    files = read_manifest(found).files
    built = (Item(name=name, bytes=one.bytes, sha256=one.sha256) for name, one in files.items())
    manifest = found / MANIFEST
    size = manifest.stat().st_size
    return (*built, Item(name=MANIFEST, bytes=size, sha256=sha256(manifest)))


def part(key: str, name: str, offset: int) -> Piece:
    """Return the next data of a file of an artifact.

    :raise HostError: When there is no such artifact, or no such file in it.
    :raise OSError: When it cannot be read.
    """
    found = _find(key)
    if found is None or (name != MANIFEST and name not in read_manifest(found).files):
        raise HostError(f"{name} of {key} is not here")
    return piece(found / name, offset)


def kernels(names: Sequence[str]) -> dict[str, Kernel]:
    """Return those of some kernels whose guest disks are built here."""
    found: dict[str, Kernel] = {}
    for name in names:
        try:
            found[name] = as_kernel(images.guest_files(name))
        except HibtestError:
            continue
    return found


def as_kernel(files: GuestFiles) -> Kernel:
    """Return a kernel as it is told to others."""
    return Kernel(
        name=files.kernel_name,
        release=files.release,
        parts=images.parts_of(files),
        lacks=files.lacks,
    )


def _find(key: str) -> Path | None:
    # it comes from another host: a name of the store, and no path
    return None if "/" in key or key.startswith(".") else Store(cache_dir()).find(key)
