"""What goes into the guest disks, as values; hashed, they name what is built from them."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from hibtest import zipapp
from hibtest.images.kernels import KernelSource
from hibtest.images.userspaces import APPLETS_DIR, BUSYBOX
from hibtest.store import Recipe

TEMPLATES = Path(__file__).parent / "templates"

SUITE = "trixie"
SUITES = (SUITE, f"{SUITE}-security")
TOOLBOX_PACKAGES = (
    "base-files",
    "btrfs-progs",
    "busybox-static",
    "cryptsetup-bin",
    "dmsetup",
    "e2fsprogs",
    "kexec-tools",
    "lvm2",
    "python3",
    "python3-lz4",
    "python3-zstandard",
    "util-linux",
    "xfsprogs",
)
# To find the disks and the image; built in or a module, as the kernel has it. 6.12 and later ask
# the crypto API for the compressor of an image (load_image_and_restore(), software_resume() in
# kernel/power/hibernate.c); 6.1 has its own.
EARLY_DRIVERS = ("virtio_pci", "virtio_blk", "ext4", "squashfs", "crypto-lzo", "crypto-lz4")
# For an image that lies on a server, and for what stands on device mapper; loaded in such boots
# alone.
NETWORK_DRIVERS = ("virtio_net",)
MAPPER_DRIVERS = (
    *("dm-mod", "dm-crypt", "crypto-xts", "crypto-ecb", "crypto-aes"),
    *("dm-delay", "dm-flakey", "dm-integrity", "crypto-crc32c", "dm-raid", "raid1"),
    *("dm-multipath", "dm-round-robin", "dm-snapshot", "dm-thin-pool"),
)
EARLY_MODULES = (*EARLY_DRIVERS, *NETWORK_DRIVERS, *MAPPER_DRIVERS, "overlay")

EARLY_INIT = "early-init.sh.j2"
EARLY_APPLETS = (
    *(
        "blockdev",
        "cat",
        "chroot",
        "date",
        "dd",
        "findfs",
        "ip",
        "ln",
        "mkdir",
        "mount",
        "poweroff",
    ),
    *("readlink", "sh", "sleep", "stat", "stty", "switch_root", "umount"),
)
HOSTNAME = "guest"
VALUES: Mapping[str, object] = {
    "applets": f"/{APPLETS_DIR}",
    "hostname": HOSTNAME,
    "console": "ttyS0",
    "root_device": "/dev/disk/by-id/virtio-root",
    "toolbox_device": "/dev/disk/by-id/virtio-toolbox",
    "plan_device": "/dev/disk/by-id/virtio-plan",
    "fresh_label": "hibtest-new",
    "keys_device": "/dev/disk/by-id/virtio-keys",
    "address": "10.0.2.15/24",
    "gateway": "10.0.2.2",
    "early_drivers": EARLY_DRIVERS,
    "network_drivers": NETWORK_DRIVERS,
    "sshd_log": "/run/sshd.log",
    "sshd_pid": "/run/sshd.pid",
    # seconds by the guest's clock, which runs no slower when the host is busy
    "root_seconds": 10,
    "resume_seconds": 2,
    "network_seconds": 5,
    "sshd_seconds": 60,
}
ROOT_FREE_MIB = 300
ROOT_UUID = "6869b7e5-7400-4000-8000-000000000001"
ROOT_HASH_SEED = "6869b7e5-7400-4000-8000-000000000002"

# raised when the code that builds such an artifact changes what it makes
_BUILDER = {"debian": 1, "root": 2, "toolbox": 1, "early": 1, "kernel": 1, "guest": 1}


def debian_base() -> Mapping[str, object]:
    """Return what decides about the Debian tree, except for the archive's state."""
    return {"builder": _BUILDER["debian"], "suites": SUITES, "packages": BUSYBOX.packages}


def debian(state: str) -> Recipe:
    """Return the recipe of the Debian tree, for a state of the archive."""
    return Recipe(kind="debian", inputs={**debian_base(), "archive": state})


def kernel_base(source: KernelSource) -> Mapping[str, object]:
    """Return what decides about a kernel, except for the versions the archive has."""
    return {
        "builder": _BUILDER["kernel"],
        "package": source.package,
        "suites": source.suites,
        "early": EARLY_MODULES,
    }


def kernel(source: KernelSource, packages: Mapping[str, str]) -> Recipe:
    """Return the recipe of a distribution kernel, for versions of its packages."""
    return Recipe(kind="kernel", inputs={**kernel_base(source), "packages": dict(packages)})


def own_kernel(sha256: str, modules: str | None) -> Recipe:
    """Return the recipe of somebody's own kernel, for the contents of its files."""
    own = {"own": sha256, "modules": modules, "early": EARLY_MODULES}
    return Recipe(kind="kernel", inputs={"builder": _BUILDER["kernel"], **own})


def root(debian_key: str) -> Recipe:
    """Return the recipe of the root disk."""
    inputs = {
        "builder": _BUILDER["root"],
        "debian": debian_key,
        "files": BUSYBOX.files,
        "applets": BUSYBOX.applets,
        "templates": template_hash(*BUSYBOX.files),
        "values": VALUES,
        "free_mib": ROOT_FREE_MIB,
        "uuid": (ROOT_UUID, ROOT_HASH_SEED),
    }
    return Recipe(kind="root", inputs=inputs)


def toolbox(debian_key: str) -> Recipe:
    """Return the recipe of the toolbox disk."""
    inputs = {
        "builder": _BUILDER["toolbox"],
        "debian": debian_key,
        "packages": TOOLBOX_PACKAGES,
        "agent": hashlib.sha256(zipapp.agent()).hexdigest(),
    }
    return Recipe(kind="toolbox", inputs=inputs)


def early(debian_key: str) -> Recipe:
    """Return the recipe of the initramfs without modules."""
    inputs = {
        "builder": _BUILDER["early"],
        "debian": debian_key,
        "templates": template_hash(EARLY_INIT),
        "applets": EARLY_APPLETS,
        "values": VALUES,
    }
    return Recipe(kind="early", inputs=inputs)


def guest(kernel_key: str, debian_key: str) -> Recipe:
    """Return the recipe of what belongs to a kernel and a root disk: the whole initramfs."""
    parts = (kernel_key, *(part(debian_key).key for part in (root, toolbox, early)))
    return Recipe(kind="guest", inputs={"builder": _BUILDER["guest"], "parts": parts})


def digest(inputs: Mapping[str, object]) -> str:
    """Return a hash of a recipe's inputs."""
    return Recipe(kind="base", inputs=inputs).key


@cache
def template_hash(*names: str) -> str:
    """Return a hash of templates as they are written."""
    texts = (f"{name}\0{(TEMPLATES / name).read_text()}\0" for name in sorted(names))
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def render(name: str) -> str:
    """Return a template with its values filled in.

    :raise jinja2.UndefinedError: When it uses a value that is not there.
    """
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - shell scripts and configuration, not HTML
        loader=jinja2.FileSystemLoader(TEMPLATES),
    )
    return environment.get_template(name).render(VALUES)
