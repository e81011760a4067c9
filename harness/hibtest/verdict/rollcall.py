"""Rules on the roll call: who could run at the snapshot, and who did after it."""

from collections.abc import Iterable

from hibtest.evidence import Boot, Evidence, RollCall, Task
from hibtest.verdict.finding import Finding, Rule, corrupt, each

_NAMED = 4  # tasks that a reason names


def _awake(boot: Boot) -> Finding | None:
    """All were held but the one that hibernates, and nobody else's memory changed afterwards."""
    roll = boot.saved.roll if boot.saved else None
    if roll is None or not (roll.awake or roll.writers):
        return None
    said = "; ".join(filter(None, (_at_the_snapshot(roll), _after_it(roll))))
    return corrupt("not-frozen", boot, said, "boots[*].saved.roll")


def _at_the_snapshot(roll: RollCall) -> str:
    if not roll.awake:
        return ""
    names = _names(map(_named, roll.awake), roll.awake_count)
    return f"not frozen at the snapshot: {names}"


def _after_it(roll: RollCall) -> str:
    if not roll.writers:
        return ""
    told = (f"{_named(one.task)}, {one.pages} pages" for one in roll.writers)
    names = _names(told, len(roll.writers))
    return f"wrote to their memory between the snapshot and the power-off: {names}"


def _named(task: Task) -> str:
    kind = "kernel thread " if task.kernel else ""
    return f"{kind}{task.name} ({task.pid}, state {task.state})"


def _names(names: Iterable[str], count: int) -> str:
    first = [name for name, _ in zip(names, range(_NAMED), strict=False)]
    more = f" and {count - len(first)} more" if count > len(first) else ""
    return f"{', '.join(first)}{more}"


def called(evidence: Evidence) -> str:
    """Return what the roll calls of a run came to, for one in which nobody was awake."""
    rolls = [boot.saved.roll for boot in evidence.boots if boot.saved and boot.saved.roll]
    if not rolls:
        return ""
    lacking = next((roll.lacking for roll in rolls if roll.lacking), "")
    if lacking:
        return f"whether all tasks were frozen is not known: {lacking}; "
    return f"{sum(roll.held for roll in rolls)} tasks held; "


ROLL_RULES: tuple[Rule, ...] = (each(_awake),)
