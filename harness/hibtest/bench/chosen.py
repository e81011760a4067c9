"""Which scenarios are meant, and what is changed about them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from hibtest import similar
from hibtest.bench import catalogue
from hibtest.bench.rundir import VERDICT
from hibtest.errors import HibtestError, SpecError
from hibtest.evidence import Host, read_json
from hibtest.machine.accel import Wanted, choose
from hibtest.machine.version import QEMU, barred, known_trouble, qemu_version
from hibtest.settings import Settings
from hibtest.spec import OWN_KERNEL, GuestFiles, Scenario
from hibtest.spec.lacking import Missing
from hibtest.spec.needs import unmet
from hibtest.spec.select import select
from hibtest.verdict import Verdict

SMOKE, ALL = "smoke", "all"
NOT_HERE = "cannot be run here"  # how a scenario is told for which this host lacks something
T = TypeVar("T")


def chosen(
    known: tuple[Scenario, ...], names: Sequence[str], expression: str | None
) -> tuple[Scenario, ...]:
    """Return the scenarios that are asked for: by name, by ``-k``, or one cycle of each kernel.

    :raise SpecError: When there is none of a name, or none that the expression matches.
    """
    if names:
        return tuple(dict.fromkeys(by_name(known, name) for name in names))
    if expression == ALL or (expression is None and not _has_smoke(known)):
        return known
    return select(known, expression or SMOKE)


def asked_of(known: tuple[Scenario, ...], ask: Callable[[tuple[Scenario, ...]], T]) -> T:
    """Ask scenarios for some; what they do not have and hibtest's own would have is told so.

    :raise SpecError: As ``ask`` does.
    """
    try:
        return ask(known)
    except SpecError as error:
        own = catalogue.scenarios()
        if known == own:
            raise
        with suppress(SpecError):
            ask(own)
            error.hint = f"hibtest's own are hidden: --scenarios {catalogue.OWN}"
        raise


def by_name(known: Collection[Scenario], name: str) -> Scenario:
    """Return the scenario of a name, which may be the one that it has with one's own kernel.

    :raise SpecError: When there is none.
    """
    named = {one.name: one for one in (*on_own_kernel(tuple(known)), *known)}
    if name not in named:
        remedy = similar.hint(name, named, "`hibtest list` shows all")
        raise SpecError(f"there is no scenario {name!r}", hint=remedy)
    return named[name]


def failed_last(scenarios: tuple[Scenario, ...], runs: Path, *, own: bool) -> tuple[Scenario, ...]:
    """Return those whose last run that has a verdict surprised.

    :param own: Whether it is their runs on one's own kernel that count.
    """
    known = on_own_kernel(scenarios) if own else scenarios
    verdicts = ((one, _last_verdict(runs / one.name)) for one in known)
    return tuple(one for one, verdict in verdicts if verdict and not verdict.as_expected)


def _last_verdict(directory: Path) -> Verdict | None:
    judged = [path.parent.name for path in directory.glob(f"[0-9]*/{VERDICT}")]
    last = max(judged, key=int, default=None)
    return read_json(directory / last / VERDICT, Verdict) if last else None


def on_own_kernel(scenarios: tuple[Scenario, ...]) -> tuple[Scenario, ...]:
    """Return the scenarios as they are for one's own kernel, each once."""
    changed: dict[str, Scenario] = {}
    for scenario in scenarios:
        own = scenario.on(OWN_KERNEL)
        changed.setdefault(own.name, own)
    return tuple(changed.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Inapplicable:
    """A scenario that is not run.

    :ivar why: Which option the kernel lacks, and what needs it; or what this host, or its QEMU,
        cannot do.
    :ivar how: Which of these it is, in words.
    """

    scenario: str
    why: str
    how: str = "does not apply"

    def __str__(self) -> str:
        return f"{self.scenario} {self.how}: {self.why}"


def why_not(scenario: Scenario, lacks: Iterable[Missing] | None, host: Host | None) -> str:
    """Return why a scenario does not apply to a kernel, or to a host, in words; else nothing.

    :param lacks: As :func:`hibtest.spec.needs.unmet` takes it.
    :param host: ``None``: nothing is known against its QEMU.
    """
    reasons = (unmet(scenario, lacks), barred(scenario, host) if host else "")
    return "; ".join(filter(None, reasons))


def host_in_doubt(wanted: str = Wanted.AUTO) -> Host | None:
    """Return this host if something is known against its QEMU; else nothing is started for it.

    :param wanted: A value of :class:`~hibtest.machine.accel.Wanted`.
    """
    try:
        version = qemu_version(QEMU)
        if known_trouble(version) is None:
            return None
        accel, reason = choose(QEMU, wanted)
    except HibtestError:
        return None  # whoever runs a scenario is told
    return Host(qemu=version, accel=accel, accel_reason=reason)


def applying(
    scenarios: tuple[Scenario, ...], files: GuestFiles | None, host: Host
) -> tuple[tuple[Scenario, ...], tuple[Inapplicable, ...]]:
    """Tell the scenarios that can be asked from those that kernel or QEMU lack something for.

    :param files: Of one's own kernel. Debian's lack nothing.
    """
    lacks = files.lacks if files else None
    why = {one.name: why_not(one, lacks, host) for one in scenarios}
    others = tuple(Inapplicable(scenario=name, why=text) for name, text in why.items() if text)
    return tuple(one for one in scenarios if not why[one.name]), others


def changed(scenario: Scenario, said: Settings) -> Scenario:
    """Return a scenario with what the settings change about it.

    :raise SpecError: When it cannot be meant.
    """
    guest = scenario.guest
    vcpus = said.vcpus or guest.vcpus
    guest = replace(
        guest,
        append=(*guest.append, *(said.append or "").split()),
        memory_mib=said.memory or guest.memory_mib,
        vcpus=vcpus,
        max_vcpus=max(vcpus, guest.max_vcpus) if guest.max_vcpus else None,
    )
    return replace(scenario, guest=guest, lives=said.lives or scenario.lives)


def _has_smoke(known: tuple[Scenario, ...]) -> bool:
    return any(SMOKE in one.tags for one in known)
