"""What is said about how scenarios are run, to pytest: options, environment, a file."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from hibtest import settings
from hibtest.errors import SpecError
from hibtest.printable import printable
from hibtest.settings import Settings

if TYPE_CHECKING:
    from hibtest.events import Event

INAPPLICABLE = "inapplicable"  # property of a test: why it does not apply
_SAID: pytest.StashKey[Settings] = pytest.StashKey()
# name, how it is read, what it is called in help, and what it is
_VALUES: tuple[tuple[str, type[Any], str, str], ...] = (
    ("kernel", str, "WHICH", "in place of all: a build tree, a bzImage, or a release"),
    ("modules", Path, "DIR", "its lib/modules/VERSION, if it needs any"),
    ("append", str, "WORDS", "more words for the kernel's command line"),
    ("memory", int, "MIB", "guest memory, in place of the scenario's"),
    ("vcpus", int, "N", "vCPUs, in place of the scenario's"),
    ("lives", int, "N", "hibernations of each life, in place of the scenario's"),
    ("accel", str, "WHICH", "auto, kvm or tcg"),
    ("runs", Path, "DIR", "where runs go, ./runs"),
)
_SWITCHES = (
    ("keep", "keep", True, "keep disks also of good runs"),
    ("no-proof", "proof", False, "do not compare the image with memory by page"),
    ("no-retry", "retry", False, "never make a run again, not even one that QEMU died of"),
    ("cold", "warm", False, "start no boot from a template"),
)


def add_options(group: pytest.OptionGroup) -> None:
    """Add options for settings, not ``scenarios``; without, what docs/settings.md says counts."""
    for name, kind, metavar, what in _VALUES:
        dest = f"hib_{name}"
        group.addoption(f"--hib-{name}", dest=dest, type=kind, metavar=metavar, help=what)
    for name, setting, value, what in _SWITCHES:
        dest = f"hib_{setting}"
        group.addoption(f"--hib-{name}", dest=dest, action="store_const", const=value, help=what)


def record(item: pytest.Item, name: str, value: str) -> None:
    """Add a property of a test; record_property refuses JUnit's newer family, and need not."""
    item.user_properties.append((name, printable(value)))


def skip(item: pytest.Item, why: str) -> NoReturn:
    """Skip a test that does not apply to the kernel; pytest's summary lists it."""
    record(item, INAPPLICABLE, why)
    pytest.skip(f"does not apply: {why}")


def said(config: pytest.Config) -> Settings:
    """Return what is said to pytest, in the environment, and in the project's file.

    :raise SpecError: When it cannot be meant.
    """
    if _SAID not in config.stash:
        names = [name for name, *_ in _VALUES] + [setting for _, setting, *_ in _SWITCHES]
        given = Settings(**{name: config.getoption(f"hib_{name}") for name in names})
        found = given.over(settings.found(config.invocation_params.dir))
        if found.modules and not found.kernel:
            raise SpecError(f"--hib-modules {found.modules} needs --hib-kernel")
        config.stash[_SAID] = found
    return config.stash[_SAID]


def tell_waiting(config: pytest.Config, event: "Event") -> None:
    """Say at once that a run waits for a CPU, and for whom; pytest shows the rest at the end."""
    from hibtest.events import Waiting

    capture = config.pluginmanager.get_plugin("capturemanager")
    if isinstance(event, Waiting):
        # a worker of xdist has standard error alone to say it; its output is a channel
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            print(f"\nhibtest: {event.text}", file=sys.stderr, flush=True)
