"""What an exercise is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Exercise(NamedTuple):
    """Something that hibernation switches off or reserves, and how to see that it is back.

    :ivar name: What is exercised.
    :ivar covers: The calls of the kernel that switch it off and on, with their files.
    :ivar run: Does it and returns what came of it. Raises :exc:`Lacking` where the guest has
        no such thing and :exc:`Failed` (or ``OSError``) where it does not work.
    :ivar limit: Seconds after which it is abandoned.
    """

    name: str
    covers: str
    run: Callable[[], str]
    limit: float = 10.0
