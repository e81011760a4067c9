"""Which stage a log is in: what a message means after those before it."""

from hibtest.spec import Stage
from hibtest.story.messages import PATTERNS
from hibtest.story.pattern import Pattern

# Stages follow each other in kernel order. What the kernel does on the way (CPUs go down once
# more for S4, the resume boot freezes its devices) does not lead back to an earlier stage.
_SAVING = (
    Stage.STOP,
    Stage.QUIESCE,
    Stage.FREEZE,
    Stage.PREALLOCATE,
    Stage.DEVICES,
    Stage.VCPUS,
    Stage.SNAPSHOT,
    Stage.WRITE,
    Stage.POWER_OFF,
)
_RESUMING = (Stage.BOOT, Stage.LOAD, Stage.RESTORE, Stage.THAW)
# Marks with which a hibernation begins.
BEGINNINGS = frozenset(one.name for one in PATTERNS if one.anew and one.stage in _SAVING)


def after(stage: Stage, message: Pattern) -> Stage:
    """Return the stage that a log is in once it has a message, having been in ``stage``."""
    begins = message.stage
    if begins is None:
        return stage
    return begins if message.anew or _later(stage, begins) else stage


def _later(stage: Stage, begins: Stage) -> bool:
    if begins is Stage.THAW:  # a hibernation that is refused ends with the same line
        return stage in {Stage.LOAD, Stage.RESTORE}
    if begins is Stage.LOAD and stage in {Stage.WRITE, Stage.POWER_OFF}:  # mode test_resume
        return True
    for row in (_SAVING, _RESUMING):
        if stage in row and begins in row:
            return row.index(begins) > row.index(stage)
    return False
