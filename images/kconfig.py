"""A kernel's configuration: where it may be found, and what it says."""

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hibtest.errors import KernelError
from hibtest.images.bzimage import BzImage
from hibtest.images.payload import decompress

_START = b"IKCFG_ST\x1f\x8b\x08"  # kernel/configs.c; scripts/extract-ikconfig looks for the same
_END = b"IKCFG_ED"
_LONGEST_PACKED = 4 << 20
_LONGEST = 16 << 20
_LINE = re.compile(r"^CONFIG_(\w+)=(.*)$", re.MULTILINE)


class NoConfig(KernelError):
    """A kernel whose configuration is not found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelConfig:
    """A kernel's configuration.

    :ivar source: Where it was found: a path, or "in the kernel".
    :ivar options: Values by option name without ``CONFIG_``; an option that is off has none.
    """

    source: str
    options: Mapping[str, str]

    def value(self, option: str) -> str:
        """Return an option's value, ``n`` when it is off."""
        return self.options.get(option, "n")


def find(image: BzImage, given: Path | None = None) -> KernelConfig:
    """Find the configuration that a kernel was built with.

    That is the file ``given``; or the configuration embedded in the kernel itself, which cannot
    be of another build; or a file where builds and distributions leave it.

    :raise NoConfig: When none is found.
    :raise KernelError: When the file given is none.
    """
    if given is not None:
        return read(given)
    try:
        text = extract(decompress(image))
    except KernelError:
        if (path := _beside(image)) is None:
            raise
        return read(path)
    if text is not None:
        return KernelConfig(source="in the kernel", options=parse(text))
    if (path := _beside(image)) is not None:
        return read(path)
    raise NoConfig(
        f"{image.path}: its configuration is neither in it (CONFIG_IKCONFIG=y) nor beside it",
        hint="name it with --config: the .config of the build, or /boot/config-RELEASE",
    )


def read(path: Path) -> KernelConfig:
    """Read a configuration file.

    :raise KernelError: When it cannot be read, or is no kernel configuration.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST)
    except OSError as error:
        raise KernelError(f"{path}: {error.strerror}") from error
    options = parse(data.decode("utf-8", "replace"))
    if not options:
        raise KernelError(
            f"{path}: no kernel configuration: it has no line CONFIG_...=...",
            hint="give the .config of the build, or /boot/config-RELEASE",
        )
    return KernelConfig(source=str(path), options=options)


def parse(text: str) -> dict[str, str]:
    """Return the options that a configuration sets, and their values."""
    return {name: value.strip() for name, value in _LINE.findall(text)}


def extract(chunks: Iterable[bytes]) -> str | None:
    """Return the configuration embedded in an unpacked kernel, ``None`` if there is none."""
    window = b""
    started = False
    for chunk in chunks:
        window += chunk
        if not started:
            start = window.find(_START)
            started = start >= 0
            # the gzip stream begins with the last three bytes of the mark
            window = window[start + len(_START) - 3 :] if started else window[-len(_START) :]
        if started and (end := window.find(_END)) >= 0:
            return _unpack(window[:end])
        if len(window) > _LONGEST_PACKED:
            return None
    return None


def _unpack(packed: bytes) -> str | None:
    try:
        text = zlib.decompressobj(wbits=31).decompress(packed, _LONGEST)
    except zlib.error:
        return None
    return text.decode("utf-8", "replace")


def _beside(image: BzImage) -> Path | None:
    kernel = image.path.resolve()
    folder = kernel.parent
    places = [
        folder / ".config",
        folder / f"config-{image.release}",
        folder / "config",
        folder.parent / "lib/modules" / image.release / "config",
        folder.parent / "usr/lib/modules" / image.release / "config",
    ]
    if kernel.match("arch/x86/boot/*"):
        places.insert(0, kernel.parents[3] / ".config")
    return next((place for place in places if place.is_file()), None)
