"""WHAT is asked: frozen values, no I/O."""

from harness.spec.fault import Fault, ServerGone, WriteError
from harness.spec.guest import OWN_KERNEL, GuestFiles, GuestSpec
from harness.spec.layout import Layout, NoSwap, SwapDisk
from harness.spec.method import (
    AgentMethod,
    KernelMethod,
    Method,
    Mode,
    Protect,
    Stopper,
    Target,
)
from harness.spec.outcome import Expected, Outcome, Role, Stage
from harness.spec.rootfs import MappedRoot, PlainRoot, Root
from harness.spec.scenario import (
    IMAGE_DEVICE,
    KEYS_DEVICE,
    SCRATCH_DEVICE,
    SWAP_DEVICE,
    ResumeSpec,
    Scenario,
)
from harness.spec.workload import (
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
