"""A guest with the agent in it, for those that name none of their own."""

from collections.abc import Iterator

import pytest

from hibtest.pytest_snapshotdev import on
from hibtest.reach.shell import Shell
from tests.agent.guests import agent_guest


@pytest.fixture(scope="module", params=["trixie"], ids=on)
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    with agent_guest(request.param, tmp_path_factory.mktemp("runs")) as shell:
        yield shell
