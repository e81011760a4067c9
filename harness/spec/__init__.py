"""WHAT is asked: frozen values, no I/O."""

from harness.spec.guest import OWN_KERNEL, GuestFiles, GuestSpec
from harness.spec.layout import Layout, NoSwap, SwapDisk
from harness.spec.method import KernelMethod, Method, Mode
from harness.spec.outcome import Expected, Outcome, Role, Stage
from harness.spec.scenario import SWAP_DEVICE, ResumeSpec, Scenario

__all__ = [
    "OWN_KERNEL",
    "SWAP_DEVICE",
    "Expected",
    "GuestFiles",
    "GuestSpec",
    "KernelMethod",
    "Layout",
    "Method",
    "Mode",
    "NoSwap",
    "Outcome",
    "ResumeSpec",
    "Role",
    "Scenario",
    "Stage",
    "SwapDisk",
]
