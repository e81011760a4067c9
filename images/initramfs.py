"""The initramfs: busybox, kmod and our init, with a kernel's modules appended.

Linux unpacks archives that follow each other (Documentation/driver-api/early-userspace/
buffer-format.rst, in v6.12), so the modules are an archive of their own. Nothing is compressed:
under emulation to read is cheaper than to unpack.
"""

import re
import tarfile
from collections.abc import Iterable
from pathlib import Path

from hibtest.images import debian, recipes
from hibtest.images.tools import Call, Programs
from hibtest.store import remove_tree

EARLY = "early.cpio"
_LIBRARY = re.compile(r"(/\S+)(?: \(0x|$)")
_DIRECTORIES = ("bin", "sbin", "dev", "proc", "sys", "root", "run", "tmp", "etc/modprobe.d")


def build_early(programs: Programs, tar: Path, directory: Path) -> dict[str, object]:
    """Make the initramfs without modules.

    :raise HostError: When cpio is missing or fails.
    """
    tree = directory / "tree"
    for name in _DIRECTORIES:
        (tree / name).mkdir(parents=True, exist_ok=True)
    with tarfile.open(tar) as archive:
        needed = _libraries(debian.member_text(archive, debian.LIBRARIES))
        _copy(archive, "./usr/bin/busybox", tree / "bin/busybox")
        _copy(archive, "./usr/bin/kmod", tree / "sbin/modprobe")
        for library in needed:
            _copy(archive, f"./usr{library.removeprefix('/usr')}", tree / library.lstrip("/"))
    for applet in recipes.EARLY_APPLETS:
        (tree / "bin" / applet).symlink_to("busybox")
    init = tree / "init"
    init.write_text(recipes.render(recipes.EARLY_INIT))
    init.chmod(0o755)
    pack(programs, tree, directory / EARLY)
    remove_tree(tree)
    return {}


def pack(programs: Programs, tree: Path, target: Path) -> None:
    """Pack a directory into a cpio archive that belongs to root and is the same each time."""
    names = sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))
    listing = target.with_suffix(".names")
    listing.write_text("\n".join(names) + "\n")
    argv = ["cpio", "--create", "--format=newc", "--owner=0:0", "--reproducible", "--quiet"]
    programs.run(argv, Call(cwd=tree, feed=listing, stdout=target))
    listing.unlink()


def join(parts: Iterable[Path], target: Path) -> None:
    """Append archives to each other; cpio ends each on a 512-byte boundary."""
    with target.open("wb") as out:
        for part in parts:
            out.write(part.read_bytes())


def _libraries(ldd: str) -> list[str]:
    # "libzstd.so.1 => /lib/x86_64-linux-gnu/libzstd.so.1 (0x7f...)", "/lib64/ld-... (0x...)"
    return [match[1] for line in ldd.splitlines() if (match := _LIBRARY.search(line))]


def _copy(archive: tarfile.TarFile, name: str, target: Path) -> None:
    member = archive.getmember(name)
    while member.issym():
        path = Path(member.name).parent / member.linkname
        member = archive.getmember(_normal(path))
    content = archive.extractfile(member)
    if content is None:
        raise KeyError(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with content:
        target.write_bytes(content.read())
    target.chmod(0o755)


def _normal(path: Path) -> str:
    # member names start with "./"; links may climb with ".."
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "./" + "/".join(parts)
