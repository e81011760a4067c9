"""The guest kernels that can be built: one table of frozen values."""

from dataclasses import dataclass

from hibtest.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSource:
    """A distribution kernel.

    :ivar name: What scenarios call it.
    :ivar suites: Debian suites that are looked into; the newest version of all is taken.
    :ivar about: One line for people.
    :ivar package: The metapackage that depends on the newest kernel.
    """

    name: str
    suites: tuple[str, ...]
    about: str
    package: str = "linux-image-cloud-amd64"


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
