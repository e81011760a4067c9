"""What a save would do, with everything looked at that could refuse it, and nothing changed."""

from __future__ import annotations

import os
from typing import Any

from hibtest.agent import protect, stop, system, tasks
from hibtest.agent.guardian import left
from hibtest.agent.image.codecs import codec
from hibtest.agent.needed import find, needed, served_swaps
from hibtest.agent.settings import SaveSettings
from hibtest.agent.target import open_sink


def dry_run(settings: SaveSettings) -> dict[str, Any]:
    """Return what a save with these settings would do.

    :raise AgentError: When it would be refused before anything is stopped.
    """
    codec(settings.compress)
    left.require_in_memory()
    sink = open_sink(settings.target, settings.buffer_pages // 2)
    place = sink.facts()
    sink.close()
    protection = protect.prepare(settings.protect, protect.Settings(scratch=settings.scratch))
    protection.close()
    own = frozenset({os.getpid()})
    stop.prepare(settings.stopper, own)
    user = {task.pid for task in tasks.walk() if not task.kernel} - own
    graph = find(running=tuple(own))
    return {
        **system.identity(),
        "target": settings.target.kind,
        "where": settings.target.where or place["swap"],
        "mode": settings.mode,
        "compress": settings.compress,
        "protect": settings.protect,
        "stopper": settings.stopper,
        "processes": len(user),
        "needed": [need._asdict() for need in needed(graph)],
        "served_swaps": served_swaps(graph),
        "expected_pages": system.expected_pages(),
        "journal": str(left.path()) if left.path().exists() else "",
    }
