"""What tests of a cluster start from."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.lab import Lab, lab
from tests.commands import Command


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Lab]:
    """A lab with a scheduler and no workers."""
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def run(there: Lab, hibtest: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """``hibtest run`` in the lab, from a host without guest disks."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(there.cache("client")))
    words = ("--accel", "tcg", "--runs", there.place / "runs", "--cluster", there.address)
    return partial(hibtest, "run", *words)
