"""Where Debian packages come from: this machine's own apt configuration says.

No mirror's address stands in this project. ``$HIBTEST_DEBIAN_MIRROR`` overrides what apt says:
the archive's URI, and after a space the security archive's, if there is one.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hibtest.errors import HostError
from hibtest.images.tools import Call, Programs

VARIABLE = "HIBTEST_DEBIAN_MIRROR"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TARGETS_FORMAT = "$(ORIGIN)|$(CODENAME)|$(REPO_URI)"
_ORIGINS = ("Debian", "Debian Backports")
_SOURCE = re.compile(r"deb\s+(?:\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s")
# what of the machine's apt configuration other apt processes need to reach the mirror
_ACQUIRE = re.compile(r"Acquire::(?:https?|ftp|Check-|Retries|ForceIPv)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A Debian archive.

    :ivar archive: URI of the main archive; backports are in it too.
    :ivar security: URI of the security archive, ``None`` if it is not known.
    """

    archive: str
    security: str | None = None

    def sources(self, suites: Iterable[str]) -> str:
        """Return lines of a sources.list for suites; ``*-security`` ones only if there."""
        return "".join(
            f"deb [signed-by={KEYRING}] {uri} {suite} main\n"
            for suite in suites
            if (uri := self.security if suite.endswith("-security") else self.archive)
        )


def find(programs: Programs, environ: Mapping[str, str] = os.environ) -> Mirror:
    """Return the mirror that this machine uses.

    :raise HostError: When no Debian mirror or no keyring can be found.
    """
    if not KEYRING.exists():
        raise HostError(f"{KEYRING} not found", hint="apt-get install debian-archive-keyring")
    if given := environ.get(VARIABLE, "").split():
        return Mirror(archive=given[0], security=given[1] if len(given) > 1 else None)
    targets = programs.run(["apt-get", "indextargets", "--format", TARGETS_FORMAT])
    return from_targets(targets) or from_sources(_mmdebstrap_default(programs))


def from_targets(targets: str) -> Mirror | None:
    """Return the mirror in what ``apt-get indextargets`` printed, ``None`` if none is Debian's.

    Anybody's archive may call itself Debian's: what it has must be signed with Debian's keys.

    :param targets: Lines of :data:`TARGETS_FORMAT`.
    """
    archive = security = None
    for line in targets.splitlines():
        origin, codename, uri = line.split("|", 2)
        if origin not in _ORIGINS or uri.startswith("cdrom:"):
            continue
        if codename.endswith("-security"):
            security = security or uri
        elif archive is None:
            archive = uri
    return Mirror(archive=archive, security=security) if archive else None


def from_sources(text: str) -> Mirror:
    """Return the mirror in a sources.list.

    :raise HostError: When it names none.
    """
    found = [(m["suite"], m["uri"]) for m in map(_SOURCE.match, text.splitlines()) if m]
    security = next((uri for suite, uri in found if suite.endswith("-security")), None)
    for suite, uri in found:
        if not suite.endswith("-security"):
            return Mirror(archive=uri, security=security)
    raise HostError("no Debian mirror is known", hint=f"set ${VARIABLE} to a mirror's address")


def acquire_options(programs: Programs) -> tuple[str, ...]:
    """Return lines of apt.conf: this machine's proxies and how it checks dates."""
    dump = programs.run(["apt-config", "dump", "Acquire"])
    return tuple(line for line in dump.splitlines() if _ACQUIRE.match(line))


def _mmdebstrap_default(programs: Programs) -> str:
    # mmdebstrap knows Debian's own address: let it write its sources.list, print that, and
    # go no further
    hook = 'cat "$1/etc/apt/sources.list" >&2; exit 1'
    argv = ["mmdebstrap", "--variant=apt", "--quiet", f"--setup-hook={hook}", "trixie"]
    try:
        programs.run([*argv, os.devnull], Call())
    except HostError as error:
        return "\n".join(getattr(error, "__notes__", ()))
    return ""
