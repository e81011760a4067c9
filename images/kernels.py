"""The guest kernels that can be built, and what is Debian's of each kind of machine: tables."""

from dataclasses import dataclass

from hibtest.errors import SpecError
from hibtest.spec.guest import Arch


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """Debian for a kind of machine.

    :ivar name: What Debian calls it.
    :ivar package: The metapackage that depends on the newest kernel.
    """

    name: str
    package: str


PORTS = {Arch.X86_64: Port(name="amd64", package="linux-image-cloud-amd64")}
ALL_HARDWARE = "linux-image-amd64"  # the others are for virtual machines alone


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSource:
    """A distribution kernel.

    :ivar name: What scenarios call it.
    :ivar suites: Debian suites that are looked into; the newest version of all is taken.
    :ivar about: One line for people.
    :ivar package: The metapackage that depends on the newest kernel.
    :ivar usual: Whether it is built when none is named; others are when they are first needed.
    """

    name: str
    suites: tuple[str, ...]
    about: str
    package: str = PORTS[Arch.X86_64].package
    usual: bool = True


KERNELS: tuple[KernelSource, ...] = (
    KernelSource(
        name="bookworm",
        suites=("bookworm", "bookworm-security"),
        about="Debian 12",
    ),
    KernelSource(
        name="trixie",
        suites=("trixie", "trixie-security"),
        about="Debian 13",
    ),
    KernelSource(
        name="backports",
        suites=("trixie-backports",),
        about="Debian 13 backports",
    ),
    KernelSource(
        name="bookworm-generic",
        suites=("bookworm", "bookworm-security"),
        about="Debian 12, generic",
        package=ALL_HARDWARE,
        usual=False,
    ),
    KernelSource(
        name="trixie-generic",
        suites=("trixie", "trixie-security"),
        about="Debian 13, generic",
        package=ALL_HARDWARE,
        usual=False,
    ),
    KernelSource(
        name="backports-generic",
        suites=("trixie-backports",),
        about="Debian 13 backports, generic",
        package=ALL_HARDWARE,
        usual=False,
    ),
)


def kernel(name: str) -> KernelSource:
    """Return the kernel of that name.

    :raise SpecError: When there is none.
    """
    for source in KERNELS:
        if source.name == name:
            return source
    known = ", ".join(source.name for source in KERNELS)
    raise SpecError(f"there is no guest kernel {name!r}", hint=f"one of: {known}")
