"""Programs of this host: which package has them, where they are, and run to their end."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hibtest.errors import HostError

# program -> the Debian package that has it (the same names in Ubuntu 24.04)
PACKAGES: Mapping[str, str] = {
    "apt-cache": "apt",
    "apt-config": "apt",
    "apt-get": "apt",
    "btrfs": "btrfs-progs",
    "cpio": "cpio",
    "debugfs": "e2fsprogs",
    "depmod": "kmod",
    "dpkg-deb": "dpkg",
    "e2fsck": "e2fsprogs",
    "fakeroot": "fakeroot",
    "mke2fs": "e2fsprogs",
    "mkfs.btrfs": "btrfs-progs",
    "mkfs.xfs": "xfsprogs",
    "mkswap": "util-linux",
    "mksquashfs": "squashfs-tools",
    "mmdebstrap": "mmdebstrap",
    "modprobe": "kmod",
    "prlimit": "util-linux",
    "qemu-img": "qemu-utils",
    "setpriv": "util-linux",
    "sfdisk": "fdisk",
    "ssh-keygen": "openssh-client",
    "tar": "tar",
    "unshare": "util-linux",
    "xfs_repair": "xfsprogs",
}


def path() -> str:
    """Return where programs are looked for: also where only root has them in its PATH."""
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def find(program: str) -> str | None:
    """Return where a program is, ``None`` when it is not there."""
    return shutil.which(program, path=path())


def require(*programs: str) -> None:
    """Check that programs are there.

    :raise HostError: When some are not; the hint names the packages that have them.
    """
    missing = [program for program in programs if find(program) is None]
    if missing:
        packages = sorted({PACKAGES.get(program, program) for program in missing})
        what = f"{', '.join(missing)} not found"
        raise HostError(what, hint=f"apt-get install {' '.join(packages)}")


def run(argv: Sequence[str | Path], failed: str = "", *, told: str = "") -> None:
    """Run a program to its end.

    :param failed: What it means that it fails, in words.
    :param told: What it reads from its standard input.
    :raise HostError: When it is missing, or fails.
    """
    words = [os.fspath(word) for word in argv]
    require(words[0])
    done = subprocess.run(
        words,
        input=told,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "PATH": path(), "LC_ALL": "C"},
    )
    if done.returncode:
        raise HostError(f"{failed or ' '.join(words)}: {done.stderr.strip() or done.returncode}")
