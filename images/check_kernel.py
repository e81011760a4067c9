"""Does a kernel have what a guest needs? Its configuration says.

The file ``kernel.config`` beside this one makes a kernel that lacks nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from hibtest.images import bzimage, damage, kconfig
from hibtest.images.modules import find_modules, named
from hibtest.images.source import Source, built_modules
from hibtest.spec.lacking import Missing
from hibtest.spec.needs import NEEDS, asked_of, lack

FRAGMENT = Path(__file__).with_name("kernel.config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a kernel lacks.

    :ivar release: As ``uname -r`` prints it.
    :ivar config_source: Where the configuration was found.
    """

    release: str
    config_source: str
    missing: tuple[Missing, ...]

    @property
    def bootable(self) -> bool:
        """Whether nothing is lacking that every guest needs."""
        return not any(missing.always for missing in self.missing)


def check(source: Source, config: Path | None = None) -> Report:
    """Compare a kernel's configuration, and the modules that come with it, with what is needed.

    :param config: The configuration's file, if it is not to be searched for.
    :raise SpecError: When the file cannot be a kernel's.
    :raise KernelError: When the file is no kernel, its configuration is not found, or the modules
        are another kernel's.
    """
    image = bzimage.read(source.bzimage)
    damage.require_whole(image)
    modules = _modules(source, image.release)
    found = kconfig.find(image, config)
    needs = (need for need in NEEDS if modules is not None or need.options != ("MODULES",))
    asked = (need for need in needs if asked_of(need, image.release))
    missing = (lack(need, found.value, modules) for need in asked)
    return Report(
        release=image.release,
        config_source=found.source,
        missing=tuple(entry for entry in missing if entry is not None),
    )


def _modules(source: Source, release: str) -> frozenset[str] | None:
    """Return the names of the modules that a guest will have; ``None`` where it gets none."""
    if source.tree is not None:
        return named(place for _, place in built_modules(source.tree))
    if source.modules is None:
        return None
    return named(find_modules(source.modules, release).rglob("*.ko*"))
