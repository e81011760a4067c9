"""How each kind of change is undone: the one place where a new kind is added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.agent import kmsg, protect, system
from harness.agent.image import withdraw
from harness.agent.stop import cgroup, sigstop

UNDO: dict[str, Callable[[dict[str, Any]], None]] = {
    "image": withdraw.undo,
    **protect.UNDO,
    "sigstop": sigstop.undo,
    "cgroup": cgroup.undo,
    "image-size": system.undo,
    "pm-debug-messages": kmsg.undo,
}
