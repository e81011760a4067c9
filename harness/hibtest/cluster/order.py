"""What travels: a run that is asked for, and what came of it. No path of any host is in it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import hibtest
from hibtest.cluster.pieces import Item
from hibtest.evidence import Trouble, Try
from hibtest.images import Parts
from hibtest.spec import Scenario
from hibtest.spec.lacking import Missing

_OF_A_HOST = ("images", "scenarios")  # keys and scenarios travel by themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A guest kernel, the same wherever it is booted.

    :ivar name: What scenarios call it.
    :ivar parts: The artifacts that a guest is booted from.
    :ivar lacks: As :class:`hibtest.spec.GuestFiles` has it.
    """

    name: str
    release: str
    parts: Parts
    lacks: tuple[Missing, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run that is asked for.

    :ivar run: Its name among all that a cluster knows; also the key of its task.
    :ivar topic: Where its events go.
    :ivar who: The hibtest that asks (:func:`who_we_are`); another one refuses.
    :ivar own: The scenario's own files by their names.
    :ivar kernels: The guest's own first.
    :ivar accel: ``auto``, ``kvm`` or ``tcg``.
    :ivar console: Whether what the guest prints is an event, too.
    """

    run: str
    topic: str
    who: str
    scenario: Scenario
    kernels: tuple[Kernel, ...]
    own: Mapping[str, bytes] = field(default_factory=dict)
    accel: str = "auto"
    proof: bool = True
    retry: bool = True
    warm: bool = True
    keep: bool = False
    tries: tuple[Try, ...] = ()
    console: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of an order.

    :ivar worker: The address of the worker that has the run's directory.
    :ivar host: The name of its host.
    :ivar files: All that is in the directory; empty when there is none.
    :ivar root: SHA-256 of the root disk that the guest's disk lies on.
    :ivar trouble: Why there is none.
    """

    worker: str
    host: str
    files: tuple[Item, ...] = ()
    root: str = ""
    trouble: Trouble | None = None


@cache
def who_we_are() -> str:
    """Return this hibtest's version and a hash of its sources: equal ones understand each other."""
    root = Path(hibtest.__file__).parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[0] not in _OF_A_HOST:
            total.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    return f"{hibtest.__version__} ({total.hexdigest()[:12]})"
