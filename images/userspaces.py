"""What can stand on a root disk beside the kernel's modules: a row for each userspace."""

from collections.abc import Mapping
from dataclasses import dataclass

APPLETS_DIR = "usr/lib/hibtest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Userspace:
    """An init with what it starts.

    :ivar packages: Of Debian.
    :ivar files: Template -> where it lies in the guest, and its mode.
    :ivar applets: What our scripts call of busybox: static, so quicker to start than what else
        has such names.
    :ivar links: Link -> what it leads to.
    """

    packages: tuple[str, ...]
    files: Mapping[str, tuple[str, int]]
    applets: tuple[str, ...]
    links: Mapping[str, str]


_APPLETS = (
    *("cat", "ip", "mkdir", "mount", "poweroff", "sh", "sleep", "stty", "swapoff", "swapon"),
    "sync",
)
BUSYBOX = Userspace(
    packages=(
        "bindfs",
        "btrfs-progs",
        "busybox-static",
        "cryptsetup-bin",
        "dmsetup",
        "e2fsprogs",
        "fuse3",
        "iproute2",
        "kexec-tools",
        "kmod",
        "lvm2",
        "nbd-client",
        "openssh-server",
        "procps",
        "python3",
        "python3-lz4",
        "python3-zstandard",
        "xfsprogs",
    ),
    files={
        "inittab.j2": ("etc/inittab", 0o644),
        "boot.sh.j2": ("etc/hibtest/boot", 0o755),
        "words.sh.j2": ("etc/hibtest/words", 0o644),
        "shutdown.sh.j2": ("etc/hibtest/shutdown", 0o755),
        "sshd_config.j2": ("etc/ssh/sshd_config", 0o644),
        "hosts.j2": ("etc/hosts", 0o644),
        "shellrc.j2": ("etc/hibtest/shellrc", 0o644),
    },
    applets=_APPLETS,
    links=dict.fromkeys(
        (
            *(f"usr/sbin/{name}" for name in ("init", "poweroff", "reboot", "halt")),
            *(f"{APPLETS_DIR}/{name}" for name in _APPLETS),
        ),
        "/usr/bin/busybox",
    ),
)
