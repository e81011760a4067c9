"""What stands built under a name: quick to ask, no big file is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hibtest.errors import HostError
from hibtest.images import recipes
from hibtest.images.kernels import KernelSource
from hibtest.spec.guest import GuestFiles
from hibtest.store import MANIFEST, Store, sha256

DEBIAN = "debian"
INITRD = "initrd"
# file names inside artifacts
ROOT_DISK = "root.ext4"
TOOLBOX_DISK = "toolbox.squashfs"
MODULES_DISK = "modules.squashfs"
KERNEL_FILE = "vmlinuz"
SSH_KEY = "id_ed25519"
HOST_KEY = "ssh_host_ed25519_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A file as it was built."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is asked of an artifact's manifest.

    :ivar release: Of a kernel.
    """

    files: dict[str, Built]
    release: str = ""


def debian_key(store: Store) -> str | None:
    """Return the key of the Debian tree in use, ``None`` when none fits our recipe."""
    return _key(store, DEBIAN, recipes.debian_base())


def kernel_key(store: Store, source: KernelSource) -> str | None:
    """Return the key of a distribution kernel in use, ``None`` when none fits our recipe."""
    return _key(store, f"kernel-{source.name}", recipes.kernel_base(source))


def use_debian(store: Store, key: str) -> None:
    """Let a Debian tree be the one in use."""
    store.write_name(_name(DEBIAN, recipes.debian_base()), {"key": key})


def use_kernel(store: Store, source: KernelSource, key: str) -> None:
    """Let a kernel be the one in use under its source's name."""
    store.write_name(_name(f"kernel-{source.name}", recipes.kernel_base(source)), {"key": key})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The artifacts that a guest is booted from, by their keys: the same on whatever host.

    :ivar guest: What belongs to the kernel and the root disk: the whole initramfs.
    """

    kernel: str
    root: str
    toolbox: str
    guest: str

    @property
    def keys(self) -> tuple[str, ...]:
        """All of them."""
        return (self.kernel, self.root, self.toolbox, self.guest)


def parts(store: Store, kernel: str) -> Parts | None:
    """Return what a kernel is booted from with the Debian tree in use, built or not.

    :param kernel: Key of its artifact.
    :return: ``None`` when there is no such tree.
    """
    tree = debian_key(store)
    if tree is None:
        return None
    return Parts(
        kernel=kernel,
        root=recipes.root(tree).key,
        toolbox=recipes.toolbox(tree).key,
        guest=recipes.guest(kernel, tree).key,
    )


def parts_of(files: GuestFiles) -> Parts:
    """Return the artifacts that a guest's files lie in."""
    kernel, root, toolbox = files.kernel.parent, files.root.parent, files.toolbox.parent
    guest = files.initrd.parent
    return Parts(kernel=kernel.name, root=root.name, toolbox=toolbox.name, guest=guest.name)


def files(store: Store, name: str, kernel: str) -> GuestFiles | None:
    """Return what a kernel is booted from, ``None`` when a part is not built.

    :param name: What scenarios call the kernel.
    :param kernel: Key of its artifact.
    """
    wanted = parts(store, kernel)
    return files_in(store, name, wanted) if wanted else None


def files_in(store: Store, name: str, wanted: Parts) -> GuestFiles | None:
    """Return the files of artifacts, ``None`` when one of these is not there.

    :param name: What scenarios call the kernel.
    """
    paths = [path for key in wanted.keys if (path := store.find(key)) is not None]
    if len(paths) != len(wanted.keys):
        return None
    vmlinuz, root, toolbox, guest = paths
    modules = vmlinuz / MODULES_DISK
    for part in paths:
        require_sizes(part)
    return GuestFiles(
        kernel_name=name,
        release=read_manifest(vmlinuz).release,
        kernel=vmlinuz / KERNEL_FILE,
        initrd=guest / INITRD,
        root=root / ROOT_DISK,
        toolbox=toolbox / TOOLBOX_DISK,
        modules=modules if modules.exists() else None,
        ssh_key=root / SSH_KEY,
        host_key=" ".join((root / f"{HOST_KEY}.pub").read_text().split()[:2]),
        manifest=guest / MANIFEST,
    )


def read_manifest(artifact: Path) -> Manifest:
    """Return the manifest of an artifact.

    :raise HostError: When it cannot be read, or is of another shape.
    """
    path = artifact / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise HostError(f"{path}: {error}", hint=_remedy(artifact)) from error


def facts(artifact: Path) -> Mapping[str, object]:
    """Return all that the manifest of an artifact says.

    :raise HostError: When it cannot be read, or is of another shape.
    """
    read_manifest(artifact)
    return msgspec.json.decode((artifact / MANIFEST).read_bytes(), type=dict[str, object])


def require_sizes(artifact: Path) -> None:
    """Check that the files of an artifact have the sizes that were built.

    :raise HostError: When one has not, or is gone.
    """
    for name, expected in read_manifest(artifact).files.items():
        if what := _size_differs(artifact / name, expected):
            raise HostError(f"{artifact / name} {what}", hint=_remedy(artifact))


def differs(path: Path, expected: Built) -> str:
    """Return in words how a file differs from what was built, "" when it does not.

    :raise OSError: When it cannot be read.
    """
    if what := _size_differs(path, expected):
        return what
    now = sha256(path)
    if now == expected.sha256:
        return ""
    return f"has changed: SHA-256 {now[:12]}... instead of {expected.sha256[:12]}..."


def _size_differs(path: Path, expected: Built) -> str:
    if not path.is_file():
        return "is gone"
    size = path.stat().st_size
    return "" if size == expected.bytes else f"has {size} bytes instead of {expected.bytes}"


def damaged(files: GuestFiles) -> tuple[str, ...]:
    """Compare the files that a guest boots from with their manifests, byte for byte.

    A kernel of one's own has a manifest, too, of what was copied into the cache.

    :return: What differs, in words; empty when all is as built.
    """
    booted = (files.kernel, files.initrd, files.root, files.toolbox, files.modules)
    found = (_damage(path) for path in booted if path is not None)
    return tuple(what for what in found if what)


def _damage(path: Path) -> str:
    try:
        expected = read_manifest(path.parent).files.get(path.name)
        what = differs(path, expected) if expected else "is not in its manifest"
    except HostError as error:
        return error.message
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
    return f"{path} {what}" if what else ""


def _remedy(artifact: Path) -> str:
    return f"rm -r {artifact}, then hibtest images build"


def _name(what: str, base: Mapping[str, object]) -> str:
    """Return a name that is of one recipe: two versions of hibtest may share a cache."""
    return f"{what}-{recipes.digest(base)}"


def _key(store: Store, what: str, base: Mapping[str, object]) -> str | None:
    value = store.read_name(_name(what, base))
    if value is None:
        return None
    key = str(value.get("key"))
    return key if store.find(key) else None
