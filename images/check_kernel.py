"""Does a kernel have what a guest needs? Its configuration says.

The file ``kernel.config`` beside this one makes a kernel that lacks nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from hibtest.images import bzimage, damage, kconfig
from hibtest.images.kconfig import KernelConfig
from hibtest.images.modules import find_modules
from hibtest.images.needs import NEEDS, Need

FRAGMENT = Path(__file__).with_name("kernel.config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something that a kernel's configuration lacks.

    :ivar option: Which option, such as ``CONFIG_VIRTIO_BLK``; some have an alternative.
    :ivar wanted: What it should be: ``y``, or ``y or m``.
    :ivar found: What it is: ``n`` or ``m``.
    :ivar why: What does not work without it.
    :ivar always: Whether no guest works without it; else only some scenarios do not.
    """

    option: str
    wanted: str
    found: str
    why: str
    always: bool


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


def check(
    path: Path,
    config: Path | None = None,
    modules: Path | None = None,
    *,
    with_modules: bool = False,
) -> Report:
    """Compare a kernel's configuration with what a guest needs.

    :param config: The configuration's file, if it is not to be searched for.
    :param modules: The kernel's modules, if the guest will have them: drivers may be modules then.
    :param with_modules: Whether it will have them, wherever they come from.
    :raise SpecError: When the file cannot be a kernel's.
    :raise KernelError: When the file is no kernel, its configuration is not found, or the modules
        are another kernel's.
    """
    image = bzimage.read(path)
    damage.require_whole(image)
    if modules is not None:
        find_modules(modules, image.release)
    with_modules = with_modules or modules is not None
    found = kconfig.find(image, config)
    needs = (need for need in NEEDS if with_modules or need.options != ("MODULES",))
    missing = (lack(need, found, modules=with_modules) for need in needs)
    return Report(
        release=image.release,
        config_source=found.source,
        missing=tuple(entry for entry in missing if entry is not None),
    )


def lack(need: Need, config: KernelConfig, *, modules: bool) -> Missing | None:
    """Return what of a need a configuration lacks, ``None`` if it has it."""
    enough = ("y", "m") if need.module and modules else ("y",)
    values = [config.value(option) for option in need.options]
    if any(value in enough for value in values):
        return None
    return Missing(
        option=" or ".join(f"CONFIG_{option}" for option in need.options),
        wanted=" or ".join(enough),
        found="m" if "m" in values else "n",
        why=need.why,
        always=need.always,
    )
