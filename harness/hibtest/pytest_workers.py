"""With pytest-xdist, tests that share a guest stay on one worker.

A module's guest is booted by each worker that gets one of its tests. So the tests of one file
whose parameters name the same kernel by :func:`on` go to one worker; all others go to the next
that is free. Not by ``xdist_group``: with pytest 9.2, pytest-xdist 3.8 does not see these groups.
"""

import re
from typing import Any

import pytest

_SHARED = re.compile(r"^(?P<file>[^:]+)::.*\[(?:[^\]]*-)?(?P<guest>on-\w+)")


def on(kernel: str) -> str:
    """Return the parameter's id of a test that shares its guest of this kernel."""
    return f"on-{kernel}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand tests out by their guests."""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = guest_of
    return scheduler


def guest_of(nodeid: str) -> str:
    """Return a name that tests have in common when they share a guest.

    >>> guest_of("scenarios/test_snapshot_device.py::test_snapshot_device[on-trixie-swap-full]")
    'scenarios/test_snapshot_device.py on-trixie'
    """
    found = _SHARED.search(nodeid)
    return f"{found['file']} {found['guest']}" if found else nodeid
