"""The disks made of the Debian tree: root (ext4) and toolbox (squashfs)."""

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from hibtest import zipapp
from hibtest.images import debian, recipes
from hibtest.images.names import HOST_KEY, ROOT_DISK, SSH_KEY, TOOLBOX_DISK
from hibtest.images.tools import Call, Programs
from hibtest.images.userspaces import BUSYBOX
from hibtest.store import remove_tree

# lz4 is the quickest to read under emulation, and built into squashfs wherever that is there
SQUASHFS_OPTIONS = ("-comp", "lz4", "-noappend", "-no-progress", "-quiet", "-no-xattrs")
_TOOLBOX_ALWAYS = ("./etc/ld.so.cache", "./etc/ld.so.conf", "./etc/ld.so.conf.d", "./etc/passwd")
_MIB = 1 << 20
# What mmdebstrap takes over from the build host: its name server, its way to the mirror.
_OF_THE_HOST = ("etc/resolv.conf", "etc/apt/apt.conf.d/99mmdebstrap", "etc/apt/sources.list*/*")
AGENT = "agent.pyz"  # for early userspace


def build_root(programs: Programs, tar: Path, directory: Path) -> dict[str, object]:
    """Make the root disk with its keys, the same way with and without root.

    :raise HostError: When a program is missing or fails.
    """
    _make_key(programs, directory / SSH_KEY)
    _make_key(programs, directory / HOST_KEY)
    tree = directory / "tree"
    tree.mkdir()
    state = directory / "fakeroot.state"
    unpack = ["tar", "--extract", "--preserve-permissions", "--numeric-owner", f"--file={tar}"]
    unpack += ["--exclude=./dev/*", f"--directory={tree}"]
    programs.run(unpack, Call(within=_as_root("-s", state)))
    _configure(tree, directory)
    mke2fs = ["mke2fs", "-q", "-F", "-t", "ext4", "-L", "root", "-m", "0", "-d", str(tree)]
    mke2fs += ["-U", recipes.ROOT_UUID, "-E", f"hash_seed={recipes.ROOT_HASH_SEED},{_WRITTEN}"]
    size = f"{_disk_mib(tree)}M"
    within = _as_root("-i", state)
    programs.run([*mke2fs, directory / ROOT_DISK, size], Call(within=within))
    remove_tree(tree)
    for private in (state, directory / HOST_KEY):
        private.unlink(missing_ok=True)
    return {"suite": recipes.SUITE}


def build_toolbox(programs: Programs, tar: Path, directory: Path) -> dict[str, object]:
    """Make the toolbox disk: Python and what it needs, in a tree of its own.

    :raise HostError: When a program is missing or fails.
    """
    part = directory / "toolbox.tar"
    with tarfile.open(tar) as source, tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as target:
        names = debian.closure(debian.member_text(source, debian.STATUS), recipes.TOOLBOX_PACKAGES)
        wanted = _chooser(source, names)
        for member in source:
            if wanted(member):
                content = source.extractfile(member) if member.isreg() else None
                target.addfile(member, content)
        _add(target, AGENT, zipapp.agent())
    argv = ["mksquashfs", "-", str(directory / TOOLBOX_DISK), "-tar", *SQUASHFS_OPTIONS]
    programs.run(argv, Call(feed=part))
    part.unlink()
    return {"packages": sorted(names)}


# written out now, so that no kernel thread of the guest does it later
_WRITTEN = "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0"


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(f"./{name}")
    member.size, member.mode = len(data), 0o644
    archive.addfile(member, io.BytesIO(data))


def _chooser(
    source: tarfile.TarFile, packages: frozenset[str]
) -> Callable[[tarfile.TarInfo], bool]:
    listed = set(_TOOLBOX_ALWAYS)
    for name in source.getnames():
        stem, _, suffix = name.rpartition(".")
        info, _, package = stem.rpartition("/")
        listing = suffix == "list" and info == "./var/lib/dpkg/info"
        if listing and package.partition(":")[0] in packages:
            listed.update(_paths(debian.member_text(source, name)))
    top_links = {member.name for member in source if member.issym() and member.name.count("/") == 1}

    def wanted(member: tarfile.TarInfo) -> bool:
        if member.ischr() or member.isblk():
            return False
        if member.name in listed or member.name in top_links:
            return True
        # compiled when the package was installed, so no package lists it
        parent, cached, _ = member.name.rpartition("/__pycache__")
        return bool(cached) and parent in listed

    return wanted


def _paths(listing: str) -> Iterator[str]:
    # packages may still list files under the old names of the merged directories
    for line in listing.splitlines():
        yield f".{line}"
        if line.startswith(("/bin/", "/sbin/", "/lib/", "/lib64/")):
            yield f"./usr{line}"


def _make_key(programs: Programs, path: Path) -> None:
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "hibtest guest", "-f", str(path)]
    programs.run(argv)


def _configure(tree: Path, keys: Path) -> None:
    for template, (name, mode) in BUSYBOX.files.items():
        _write(tree / name, recipes.render(template), mode)
    for pattern in _OF_THE_HOST:
        for path in tree.glob(pattern):
            path.unlink()
    _write(tree / "etc/hostname", f"{recipes.HOSTNAME}\n", 0o644)
    for stale in (tree / "etc/ssh").glob("ssh_host_*"):
        stale.unlink()
    _write(tree / f"etc/ssh/{HOST_KEY}", (keys / HOST_KEY).read_text(), 0o600)
    _write(tree / f"etc/ssh/{HOST_KEY}.pub", (keys / f"{HOST_KEY}.pub").read_text(), 0o644)
    (tree / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    _write(tree / "root/.ssh/authorized_keys", (keys / f"{SSH_KEY}.pub").read_text(), 0o600)
    (tree / "usr/lib/modules").mkdir(exist_ok=True)
    for name, target in BUSYBOX.links.items():
        link = tree / name
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _disk_mib(tree: Path) -> int:
    blocks = 0
    for directory, names, files in os.walk(tree):
        sizes = (os.lstat(f"{directory}/{name}").st_size for name in (*names, *files))
        blocks += sum(-(-size // 4096) for size in sizes)
    # inode tables, journal and bitmaps on top of the files
    used = blocks * 4096 * 106 // 100 // _MIB + 48
    return -(-(used + recipes.ROOT_FREE_MIB) // 4) * 4


def _as_root(option: str, state: Path) -> list[str]:
    # remembers owners that a user cannot set, between two programs
    if os.geteuid() == 0:
        return []
    if option == "-s":
        state.touch()
    return ["fakeroot", option, str(state), "--"]
