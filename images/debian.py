"""The Debian tree that root disk, toolbox and initramfs are made of: a tar by mmdebstrap."""

import os
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hibtest.errors import HostError
from hibtest.images import recipes
from hibtest.images.mirror import Mirror
from hibtest.images.tools import Call, Programs
from hibtest.images.userspaces import BUSYBOX

TAR = "debian.tar"
STATUS = "./var/lib/dpkg/status"
LIBRARIES = "./var/lib/hibtest/kmod.libraries"  # what kmod needs, as the guest's own ldd says
_LDD_HOOK = (
    'mkdir -p "$1/var/lib/hibtest" && '
    'chroot "$1" ldd /usr/bin/kmod >"$1/var/lib/hibtest/kmod.libraries"'
)
_HINT = "is the network up? as a user: are uidmap and /etc/subuid set up?"
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


def build(
    programs: Programs, mirror: Mirror, acquire: Iterable[str], directory: Path
) -> dict[str, object]:
    """Make the tree with mmdebstrap; needs no root (unshare mode).

    :param acquire: Lines of apt.conf that reach the mirror.
    :return: Facts for the manifest: versions of all packages.
    :raise HostError: When mmdebstrap fails.
    """
    sources = directory / "sources.list"
    sources.write_text(mirror.sources(recipes.SUITES))
    tar = directory / TAR
    mode = "root" if os.geteuid() == 0 else "unshare"
    argv = ["mmdebstrap", f"--mode={mode}", "--variant=apt", "--format=tar"]
    argv += [f"--include={','.join(BUSYBOX.packages)}", "--dpkgopt=force-unsafe-io"]
    argv += [f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT]
    argv += ["--aptopt=APT::Install-Recommends false", *(f"--aptopt={line}" for line in acquire)]
    argv += [f"--customize-hook={_LDD_HOOK}", recipes.SUITE, "-", str(sources)]
    with _temporary(directory) as env:
        within = _confined(programs)
        programs.run(argv, Call(within=within, env=env, stdout=tar, hint=_HINT))
    sources.unlink()
    with tarfile.open(tar) as archive:
        return {"packages": versions(member_text(archive, STATUS))}


def versions(status: str) -> dict[str, str]:
    """Return package -> version, from the text of dpkg's status file."""
    return {name: fields["Version"] for name, fields in _stanzas(status)}


def closure(status: str, packages: Iterable[str]) -> frozenset[str]:
    """Return packages and all that they depend on, from the text of dpkg's status file."""
    known = dict(_stanzas(status))
    closed: set[str] = set()
    open_ends = list(packages)
    while open_ends:
        name = open_ends.pop()
        if name in closed or name not in known:
            continue
        closed.add(name)
        fields = known[name]
        text = f"{fields.get('Pre-Depends', '')},{fields.get('Depends', '')}"
        alternatives = re.split(r"[,|]", text)
        open_ends += [word.split()[0].partition(":")[0] for word in alternatives if word.strip()]
    return frozenset(closed)


def member_text(archive: tarfile.TarFile, name: str) -> str:
    """Return the text of a file in a tar.

    :raise KeyError: When it is not there.
    """
    member = archive.extractfile(name)
    if member is None:
        raise KeyError(name)
    with member:
        return member.read().decode(errors="replace")


def _stanzas(status: str) -> Iterable[tuple[str, Mapping[str, str]]]:
    for stanza in status.split("\n\n"):
        fields = dict(re.findall(r"^([\w-]+): *(.*)$", stanza, flags=re.MULTILINE))
        if "Version" in fields:
            yield fields["Package"], fields


def _confined(programs: Programs) -> list[str]:
    # As root mmdebstrap mounts /proc and /sys in its tree. In namespaces of their own mounts and
    # processes end with it, also when it or we are killed.
    if os.geteuid() != 0:
        return []
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    try:
        programs.run([*namespaces, "true"])
    except HostError:  # a container that may not: there mmdebstrap does without mounts
        return []
    return ["setpriv", "--pdeathsig", "KILL", "--", *namespaces]


@contextmanager
def _temporary(directory: Path) -> Iterator[dict[str, str]]:
    # as root inside our directory, which is removed whatever happens; as a user mmdebstrap's
    # tree belongs to other user ids, which must be able to reach it: /tmp
    if os.geteuid() != 0:
        yield {}
        return
    scratch = directory / "tmp"
    scratch.mkdir()
    yield {"TMPDIR": str(scratch)}
    scratch.rmdir()
