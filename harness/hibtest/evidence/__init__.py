"""What was seen in a run: plain frozen values, JSON both ways.

Evidence is gathered by the runner and never judged there; :mod:`hibtest.verdict` judges it,
also years later from its JSON. It is versioned and only grows: a new field has a default.
"""

from hibtest.evidence.agent import AgentImage, AgentStep
from hibtest.evidence.boot import (
    Attempt,
    AuditReport,
    Boot,
    Cpus,
    Exit,
    Hang,
    Mark,
    QmpEvent,
    StageTime,
    StepReport,
    Strike,
    SwapHeader,
    WitnessReport,
)
from hibtest.evidence.filesystem import FilesystemCheck
from hibtest.evidence.levels import Levels
from hibtest.evidence.memory_map import E820_TYPES, MapChange, Region
from hibtest.evidence.proof import (
    DiskProof,
    ImageFacts,
    Ledger,
    PageDifference,
    RestoreProof,
    SaveProof,
    View,
)
from hibtest.evidence.run import VERSION, Evidence, GuestKernel, Host, Trouble
from hibtest.evidence.stored import read_json, read_written, to_json
from hibtest.evidence.tasks import RollCall, Task, Writer
from hibtest.evidence.tries import Try

__all__ = [
    "E820_TYPES",
    "VERSION",
    "AgentImage",
    "AgentStep",
    "Attempt",
    "AuditReport",
    "Boot",
    "Cpus",
    "DiskProof",
    "Evidence",
    "Exit",
    "FilesystemCheck",
    "GuestKernel",
    "Hang",
    "Host",
    "ImageFacts",
    "Ledger",
    "Levels",
    "MapChange",
    "Mark",
    "PageDifference",
    "QmpEvent",
    "Region",
    "RestoreProof",
    "RollCall",
    "SaveProof",
    "StageTime",
    "StepReport",
    "Strike",
    "SwapHeader",
    "Task",
    "Trouble",
    "Try",
    "View",
    "WitnessReport",
    "Writer",
    "read_json",
    "read_written",
    "to_json",
]
