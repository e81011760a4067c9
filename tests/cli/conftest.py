"""What tests of the command line start from."""

from functools import partial

import pytest

from tests.commands import Command
from tests.host import Host


@pytest.fixture
def run(host: Host, hibtest: Command) -> Command:
    """``hibtest run`` without KVM, in the host's directory of runs."""
    return partial(hibtest, "run", "--accel", "tcg", "--runs", host.runs)
