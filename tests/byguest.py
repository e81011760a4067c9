"""With pytest-xdist, tests of hibtest that share a guest stay on one worker.

A module's guest is booted by each worker that gets one of its tests. So the tests of one file
whose parameters name the same kernel by :func:`hibtest.pytest_snapshotdev.on` go to one worker; all
others go to the next that is free. Not by ``xdist_group``: with pytest 9.2, pytest-xdist 3.8 does
not see these groups.
"""

import re
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_SHARED = re.compile(r"^(?P<file>[^:]+)::.*\[(?:[^\]]*-)?(?P<guest>on-\w+)")


class ByGuest(LoadScopeScheduling):  # type: ignore[misc]
    """Hands tests out by their guests."""

    def _split_scope(self, nodeid: str) -> str:
        return guest_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand tests out by their guests, where nobody asked for another way."""
    return ByGuest(config, log) if config.getoption("dist") == "load" else None


def guest_of(nodeid: str) -> str:
    """Return a name that tests have in common when they share a guest.

    >>> guest_of("scenarios/test_snapshot_device.py::test_snapshot_device[on-trixie-swap-full]")
    'scenarios/test_snapshot_device.py on-trixie'
    """
    found = _SHARED.search(nodeid)
    return f"{found['file']} {found['guest']}" if found else nodeid
