"""WHAT is asked: frozen values, no I/O."""

from hibtest.spec.fault import Fault, ServerGone, WriteError
from hibtest.spec.guest import OWN_KERNEL, GuestFiles, GuestSpec
from hibtest.spec.layout import Layout, NoSwap, SwapDisk
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
from hibtest.spec.rootfs import MappedRoot, PlainRoot, Root
from hibtest.spec.scenario import (
    IMAGE_DEVICE,
    KEYS_DEVICE,
    SCRATCH_DEVICE,
    SWAP_DEVICE,
    ResumeSpec,
    Scenario,
)
from hibtest.spec.workload import (
    Attach,
    FuseDirty,
    LoopOnFuse,
    MuchMemory,
    Nbd,
    SwapOnLoopOnFuse,
    Workload,
)

__all__ = [
    "IMAGE_DEVICE",
    "KEYS_DEVICE",
    "OWN_KERNEL",
    "SCRATCH_DEVICE",
    "SWAP_DEVICE",
    "AgentMethod",
    "Attach",
    "Expected",
    "Fault",
    "FuseDirty",
    "GuestFiles",
    "GuestSpec",
    "KernelMethod",
    "Layout",
    "LoopOnFuse",
    "MappedRoot",
    "Method",
    "Mode",
    "MuchMemory",
    "Nbd",
    "NoSwap",
    "Outcome",
    "PlainRoot",
    "Protect",
    "ResumeSpec",
    "Role",
    "Root",
    "Scenario",
    "ServerGone",
    "Stage",
    "Stopper",
    "SwapDisk",
    "SwapOnLoopOnFuse",
    "Target",
    "Workload",
    "WriteError",
]
