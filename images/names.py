"""What stands built under a name: quick to ask, no big file is read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import HostError
from harness.spec.guest import GuestFiles
from images import recipes
from images.kernels import KernelSource
from images.store import MANIFEST, Store

DEBIAN = "debian"
INITRD = "initrd"
# file names inside artifacts
ROOT_DISK = "root.ext4"
TOOLBOX_DISK = "toolbox.squashfs"
MODULES_DISK = "modules.squashfs"
KERNEL_FILE = "vmlinuz"
SSH_KEY = "id_ed25519"
HOST_KEY = "ssh_host_ed25519_key"


def debian_key(store: Store) -> str | None:
    """Return the key of the Debian tree in use, ``None`` when none fits our recipe."""
    return _key(store, DEBIAN, recipes.debian_base())


def kernel_key(store: Store, source: KernelSource) -> str | None:
    """Return the key of a distribution kernel in use, ``None`` when none fits our recipe."""
    return _key(store, f"kernel-{source.name}", recipes.kernel_base(source))


def use_debian(store: Store, key: str) -> None:
    """Let a Debian tree be the one in use."""
    store.write_name(DEBIAN, {"key": key, "base": recipes.digest(recipes.debian_base())})


def use_kernel(store: Store, source: KernelSource, key: str) -> None:
    """Let a kernel be the one in use under its source's name."""
    base = recipes.digest(recipes.kernel_base(source))
    store.write_name(f"kernel-{source.name}", {"key": key, "base": base})


def files(store: Store, name: str, kernel: str) -> GuestFiles | None:
    """Return what a kernel is booted from, ``None`` when a part is not built.

    :param name: What scenarios call the kernel.
    :param kernel: Key of its artifact.
    """
    tree = debian_key(store)
    if tree is None:
        return None
    recipe_of_parts = (recipes.root(tree), recipes.toolbox(tree), recipes.guest(kernel, tree))
    found = [store.find(key) for key in (kernel, *(recipe.key for recipe in recipe_of_parts))]
    parts = [path for path in found if path is not None]
    if len(parts) != len(found):
        return None
    vmlinuz, root, toolbox, guest = parts
    modules = vmlinuz / MODULES_DISK
    return GuestFiles(
        kernel_name=name,
        release=str(read_manifest(vmlinuz)["release"]),
        kernel=vmlinuz / KERNEL_FILE,
        initrd=guest / INITRD,
        root=root / ROOT_DISK,
        toolbox=toolbox / TOOLBOX_DISK,
        modules=modules if modules.exists() else None,
        ssh_key=root / SSH_KEY,
        host_key=" ".join((root / f"{HOST_KEY}.pub").read_text().split()[:2]),
        manifest=guest / MANIFEST,
    )


def read_manifest(artifact: Path) -> dict[str, Any]:
    """Return the manifest of an artifact.

    :raise HostError: When it cannot be read.
    """
    path = artifact / MANIFEST
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise HostError(f"{path}: {error}", hint="hibtest images verify") from error
    return value


def _key(store: Store, name: str, base: Mapping[str, object]) -> str | None:
    value = store.read_name(name)
    if value is None or value.get("base") != recipes.digest(base):
        return None
    key = str(value.get("key"))
    return key if store.find(key) else None
