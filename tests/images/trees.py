"""A made-up Debian tree for tests: a tar as mmdebstrap writes it, in small."""

import io
import tarfile
from pathlib import Path

STATUS = """\
Package: base-files
Version: 13

Package: python3
Version: 3.13
Depends: libc6

Package: libc6
Version: 2.41

Package: openssh-server
Version: 10
"""
LISTS = {
    "base-files": "/.\n/etc\n/etc/os-release\n",
    "python3": "/usr\n/usr/bin\n/usr/bin/python3\n/usr/lib/python3\n/usr/lib/python3/os.py\n",
    "libc6:amd64": "/lib/x86_64-linux-gnu/libc.so.6\n",
    "openssh-server": "/usr/sbin/sshd\n",
}
FILES = {
    "etc/os-release": "Debian",
    "etc/ld.so.cache": "cache",
    "etc/shadow": "root:*:",
    "usr/bin/python3": "python",
    "usr/bin/busybox": "busybox",
    "usr/bin/kmod": "kmod",
    "usr/lib/python3/os.py": "os",
    "usr/lib/python3/__pycache__/os.pyc": "compiled",
    "usr/lib/other/__pycache__/x.pyc": "compiled",
    "usr/lib/x86_64-linux-gnu/libc.so.6": "libc",
    "usr/lib/x86_64-linux-gnu/libkmod.so.2.5": "libkmod",
    "usr/sbin/sshd": "sshd",
    "var/lib/dpkg/status": STATUS,
    "var/lib/hibtest/kmod.libraries": (
        "\tlinux-vdso.so.1 (0x00007ffc)\n"
        "\tlibkmod.so.2 => /lib/x86_64-linux-gnu/libkmod.so.2 (0x00007f01)\n"
        "\tlibc.so.6 => /usr/lib/x86_64-linux-gnu/libc.so.6 (0x00007f02)\n"
    ),
    **{f"var/lib/dpkg/info/{name}.list": text for name, text in LISTS.items()},
}
LINKS = {
    "lib": "usr/lib",
    "bin": "usr/bin",
    "usr/lib/x86_64-linux-gnu/libkmod.so.2": "libkmod.so.2.5",
}
MODES = {"usr/bin/python3": 0o755, "etc/shadow": 0o640, "usr/sbin/sshd": 0o4755}
DIRECTORIES = ("dev", "etc/ssh", "root", "usr/sbin")


def make_tar(path: Path) -> Path:
    """Write the tree as a tar; everything belongs to root, /etc/shadow to group 42."""
    with tarfile.open(path, "w") as archive:
        parents = {parent for name in FILES for parent in Path(name).parents}
        for name in sorted({str(parent) for parent in parents} | {*DIRECTORIES} - {"."}):
            _add(archive, name, tarfile.DIRTYPE, 0o755)
        _add(archive, "dev/null", tarfile.CHRTYPE, 0o666)
        for name, text in FILES.items():
            _add(archive, name, tarfile.REGTYPE, MODES.get(name, 0o644), text)
        for name, target in LINKS.items():
            _add(archive, name, tarfile.SYMTYPE, 0o777, target)
    return path


def _add(archive: tarfile.TarFile, name: str, kind: bytes, mode: int, text: str = "") -> None:
    member = tarfile.TarInfo(f"./{name}" if name != "." else "./")
    member.type, member.mode = kind, mode
    member.gid = 42 if name == "etc/shadow" else 0
    if kind == tarfile.SYMTYPE:
        member.linkname = text
    if kind == tarfile.REGTYPE:
        member.size = len(text.encode())
    archive.addfile(member, io.BytesIO(text.encode()) if kind == tarfile.REGTYPE else None)
