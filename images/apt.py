"""A private apt: Debian suites that this machine may not have, without touching its own."""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from hibtest.errors import HostError
from hibtest.images.kernels import PORTS, KernelSource
from hibtest.images.mirror import Mirror
from hibtest.images.tools import Call, Programs
from hibtest.spec.guest import Arch

# a metapackage leads to the kernel over packages of these names; 6.1 and 6.12 have all in
# linux-image-VERSION, 7.3 is split up
_PART = re.compile(r"linux-(?:image|binary|modules|base)-\S+$")
_PORT = PORTS[Arch.X86_64].name
_NETWORK = "is the network up? is the mirror in apt's configuration reachable?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A version of a binary package and what it depends on (without alternatives)."""

    name: str
    version: str
    sha256: str
    depends: tuple[str, ...]


class Apt:
    """apt-get and apt-cache on directories of their own.

    :param root: Directory for lists, cache and configuration; made if missing.
    :param mirror: Where packages come from.
    :param acquire: Lines of apt.conf that reach it.
    """

    def __init__(
        self, programs: Programs, root: Path, mirror: Mirror, acquire: tuple[str, ...]
    ) -> None:
        self.mirror = mirror
        self.acquire = acquire
        self._programs = programs
        self._root = root
        self._config = root / "apt.conf"

    def update(self, suites: Iterable[str]) -> None:
        """Fetch the indexes of suites.

        :raise HostError: When the mirror cannot be reached or has no such suite.
        """
        for part in ("lists/partial", "cache/archives/partial"):
            (self._root / part).mkdir(parents=True, exist_ok=True)
        sources = self._root / "sources.list"
        sources.write_text(self.mirror.sources(suites))
        # APT_CONFIG is read first and names what is read after it: nothing, so that the machine's
        # hooks do not run
        self._config.write_text(
            'Dir::Etc::main "/dev/null";\nDir::Etc::parts "/dev/null";\n'
            f'Dir::Etc::sourcelist "{sources}";\nDir::Etc::sourceparts "/dev/null";\n'
            f'Dir::State::lists "{self._root}/lists";\nDir::Cache "{self._root}/cache";\n'
            'Dir::State::status "/dev/null";\nAPT::Sandbox::User "root";\n'
            f'APT::Architecture "{_PORT}";\nAPT::Architectures {{ "{_PORT}"; }};\n'
            'Acquire::Languages "none";\nAPT::Update::Error-Mode "any";\n' + "\n".join(self.acquire)
        )
        self._run("apt-get", "-q", "update")

    def newest(self, source: KernelSource) -> tuple[Package, ...]:
        """Return the packages that make up the newest kernel of a source.

        :raise HostError: When its suites have none.
        """
        return newest(source, lambda *words: self._run("apt-cache", *words))

    def newest_of(self, name: str) -> Package:
        """Return the newest version of a package by its name.

        :raise HostError: When the archive has none.
        """
        found = packages(self._run("apt-cache", "show", name))
        if not found:
            raise HostError(f"no package {name}")
        return found[0]

    def state(self, suites: Iterable[str]) -> str:
        """Return a hash that changes when what the archive has in some suites changes."""
        total = hashlib.sha256()
        for suite in sorted(suites):
            for path in sorted((self._root / "lists").glob(f"*_dists_{suite}_InRelease")):
                total.update(path.read_bytes())
        return total.hexdigest()

    def download(self, wanted: Iterable[Package], directory: Path) -> list[Path]:
        """Download packages, checked by apt against the signed index, into a directory."""
        names = [f"{package.name}={package.version}" for package in wanted]
        self._run("apt-get", "-q", "download", *names, cwd=directory)
        return sorted(directory.glob("*.deb"))

    def _run(self, *argv: str, cwd: Path | None = None) -> str:
        env = {"APT_CONFIG": str(self._config)}
        return self._programs.run(argv, Call(cwd=cwd, env=env, hint=_NETWORK))


def newest(source: KernelSource, ask: Callable[..., str]) -> tuple[Package, ...]:
    """Return the packages that make up the newest kernel of a source.

    :param ask: Answers what ``apt-cache`` prints for ``madison NAME`` and ``show NAME``.
    :raise HostError: When the source's suites have none.
    """
    offered = versions(ask("madison", source.package), source.suites)
    candidates = [p for p in packages(ask("show", source.package)) if p.version in offered]
    if not candidates:
        raise HostError(f"{', '.join(source.suites)}: no package {source.package}")
    closed = {candidates[0].name: candidates[0]}
    open_ends = [candidates[0]]
    while open_ends:
        package = open_ends.pop()
        for name in package.depends:
            if _PART.match(name) and name not in closed:
                found = [p for p in packages(ask("show", name)) if p.version == package.version]
                closed |= {p.name: p for p in found}
                open_ends += found
    return tuple(sorted(closed.values(), key=lambda package: package.name))


def versions(madison: str, suites: Iterable[str]) -> tuple[str, ...]:
    """Return the versions that suites have, from what ``apt-cache madison`` printed."""
    # "NAME | VERSION | URI SUITE/main amd64 Packages"
    rows = [[cell.strip() for cell in row.split("|")] for row in madison.splitlines()]
    return tuple(row[1] for row in rows if len(row) == 3 and _suite(row[2]) in suites)


def packages(shown: str) -> list[Package]:
    """Return the packages that ``apt-cache show`` printed, newest first as it prints them."""
    return [_package(stanza) for stanza in shown.split("\n\n") if stanza.strip()]


def _package(stanza: str) -> Package:
    fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", stanza, flags=re.MULTILINE))
    depends = (fields.get(f, "") for f in ("Pre-Depends", "Depends"))
    names = [part.split()[0] for text in depends for part in text.split(",") if part.strip()]
    return Package(
        name=fields["Package"],
        version=fields["Version"],
        sha256=fields.get("SHA256", ""),
        depends=tuple(name.partition(":")[0] for name in names),
    )


def _suite(origin: str) -> str:
    # "http://mirror/debian trixie/main amd64 Packages"
    words = origin.split()
    return words[1].partition("/")[0] if len(words) > 1 else ""
