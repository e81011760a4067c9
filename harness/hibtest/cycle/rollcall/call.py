"""The roll call itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from hibtest.cycle.proof import x86_64
from hibtest.cycle.proof.kernel import KernelMemory, Places, Space
from hibtest.cycle.proof.pages import Memory, Numbers
from hibtest.cycle.rollcall.mapped import mapped
from hibtest.cycle.rollcall.tasks import Found, TaskList
from hibtest.errors import GuestError
from hibtest.evidence import RollCall, Writer

_KEPT = 32  # tasks that evidence keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Memory at the snapshot and now.

    :ivar then: What was kept of it.
    :ivar now: The machine's, at its power-off.
    :ivar pfns: Pages of processes and of files that were written to in between.
    """

    then: Memory
    now: Memory
    pfns: Numbers


def roll_call(places: Places, space: Space, change: Change) -> RollCall:
    """Return who was held at the snapshot, and whose memory changed after it.

    What the saver has mapped is its own, also where it shares it with others.
    """
    try:
        tasks = TaskList(KernelMemory(change.then, space), places)
        found = list(tasks.tasks())
        saver = _saver(found)
        writers = _writers(tasks, found, saver, space, change) if len(change.pfns) else []
    except GuestError as error:
        return RollCall(lacking=error.message)
    if saver is None:
        return RollCall(lacking="no task that runs is marked as the one that hibernates")
    awake = [one.task for one in found if not one.held and one is not saver]
    return RollCall(
        tasks=sum(not one.task.kernel for one in found),
        held=sum(one.held and not one.task.kernel for one in found),
        saver=saver.task,
        awake=tuple(awake[:_KEPT]),
        awake_count=len(awake),
        writers=tuple(writers[:_KEPT]),
    )


def _saver(found: Sequence[Found]) -> Found | None:
    """Return the one that hibernates: it runs. A mark alone may be inherited, or be forgotten."""
    marked = (one for one in found if one.saver and not one.held and one.task.state == "R")
    return next(marked, None)


def _writers(
    tasks: TaskList, found: Sequence[Found], saver: Found | None, space: Space, change: Change
) -> list[Writer]:
    """Return whose pages changed, the one with most of them first.

    A page counts that a process had mapped, and may still write to: one that was taken from it in
    the meantime, because memory ran short, is no longer its own.
    """
    kernel, levels = KernelMemory(change.then, space), x86_64.levels(space.page_offset)
    table_at = tasks.btf.offset("mm_struct", "pgd")
    tables = {
        one.mm: space.physical(kernel.words(one.mm + table_at, 1)[0]) for one in found if one.mm
    }
    awake = {one.mm for one in found if not one.held and one is not saver}
    own = {saver.mm} & tables.keys() if saver else set()
    left = change.pfns
    for mm in own:
        left = left[~mapped(change.then, left, tables[mm], levels)[0]]
    writers = []
    # What one that is awake has written to is not another's, which shares it, too.
    for mm in sorted(tables.keys() - own, key=lambda mm: mm not in awake):
        had, _ = mapped(change.then, left, tables[mm], levels)
        _, may_write = mapped(change.now, left, tables[mm], levels)
        wrote = had & may_write
        if wrote.any():
            task = next(one.task for one in found if one.mm == mm)
            writers.append(Writer(task=task, pages=int(wrote.sum())))
        left = left[~wrote] if mm in awake else left
    return sorted(writers, key=lambda writer: (-writer.pages, writer.task.pid))
