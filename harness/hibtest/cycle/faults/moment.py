"""Whether what was just heard of a guest is the moment of a fault."""

from hibtest import similar
from hibtest.cycle.watch import Happening
from hibtest.errors import SpecError
from hibtest.evidence import Mark, QmpEvent
from hibtest.machine import halts
from hibtest.spec import Always, AtMark, AtPercent, AtStage, AtWrite, FailIo, Fault, Stage
from hibtest.story.messages import PATTERNS, percent

_BEGUN_HERE = (Stage.PREPARE, Stage.WITNESS)  # of which no line tells


def is_now(fault: Fault, happening: Happening, stage: Stage) -> bool:
    """Return whether a fault's moment is what was just heard.

    :param stage: The stage that the guest is in.
    """
    match fault.when, fault.what:
        case AtStage() as when, _ if when.stage in _BEGUN_HERE:
            return happening == when.stage
        case AtStage() as when, _:  # its first line: the guest itself is there
            return isinstance(happening, Mark) and stage == when.stage
        case AtPercent() as when, _:
            told = percent(happening.line) if isinstance(happening, Mark) else None
            return told is not None and stage == when.stage and told >= when.percent
        case AtMark() as when, _:
            return isinstance(happening, Mark) and happening.name == when.name
        case AtWrite() as when, _:
            return _failed(happening, when.serial, "stop")
        case Always(), FailIo() as what:
            return _failed(happening, what.serial, "report")
        case _:  # AtRest: the machine is silent then
            return False


def _failed(happening: Happening, serial: str, action: str) -> bool:
    if not isinstance(happening, QmpEvent) or happening.name != halts.EVENT:
        return False
    return (happening.data.get("node-name"), happening.data.get("action")) == (serial, action)


def require_known(fault: Fault) -> None:
    """Check that a fault's moment can come.

    :raise SpecError: When it waits for a mark that there is none of.
    """
    names = {pattern.name for pattern in PATTERNS}
    if isinstance(fault.when, AtMark) and fault.when.name not in names:
        hint = similar.hint(fault.when.name, names, "hibtest/story/messages.py has all")
        raise SpecError(f"there is no mark {fault.when.name!r}", hint=hint)
