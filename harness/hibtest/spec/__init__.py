"""WHAT is asked: frozen values, no I/O."""

from hibtest.spec.fault import Fault, ServerGone, WriteError
from hibtest.spec.guest import OWN_KERNEL, GuestFiles, GuestSpec
from hibtest.spec.layout import Layout, Swap, SwapDisk, SwapFile
from hibtest.spec.method import (
    AgentMethod,
    KernelMethod,
    Method,
    Mode,
    Protect,
    Stopper,
    Target,
)
from hibtest.spec.outcome import Expected, Outcome, Role, Stage
from hibtest.spec.scenario import (
    IMAGE_DEVICE,
    KEYS_DEVICE,
    SCRATCH_DEVICE,
    ResumeSpec,
    Scenario,
)
from hibtest.spec.stack import Crypt, Layer, Linear, Stack, Volume
from hibtest.spec.step import Do, Plug, Unplug
from hibtest.spec.workload import (
    Attach,
    FuseDirty,
    LoopOnFuse,
    MuchMemory,
    Nbd,
    Run,
    SwapOnLoopOnFuse,
    Workload,
)

__all__ = [
    "IMAGE_DEVICE",
    "KEYS_DEVICE",
    "OWN_KERNEL",
    "SCRATCH_DEVICE",
    "AgentMethod",
    "Attach",
    "Crypt",
    "Do",
    "Expected",
    "Fault",
    "FuseDirty",
    "GuestFiles",
    "GuestSpec",
    "KernelMethod",
    "Layer",
    "Layout",
    "Linear",
    "LoopOnFuse",
    "Method",
    "Mode",
    "MuchMemory",
    "Nbd",
    "Outcome",
    "Plug",
    "Protect",
    "ResumeSpec",
    "Role",
    "Run",
    "Scenario",
    "ServerGone",
    "Stack",
    "Stage",
    "Stopper",
    "Swap",
    "SwapDisk",
    "SwapFile",
    "SwapOnLoopOnFuse",
    "Target",
    "Unplug",
    "Volume",
    "Workload",
    "WriteError",
]
