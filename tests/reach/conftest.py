"""A real SSH server, and a shell through it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hibtest.reach.shell import Shell, connect
from tests.reach.limits import soon
from tests.reach.sshd import Sshd, listener, sshd


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with sshd(tmp_path, listener()) as server:
        yield server


@pytest.fixture
def shell(server: Sshd, tmp_path: Path) -> Iterator[Shell]:
    with connect(server.port, tmp_path / "id", server.host_key, soon()) as shell:
        yield shell
