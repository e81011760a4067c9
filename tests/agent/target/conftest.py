"""A server for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hibtest.imageserver import make_keys, serving
from tests.agent.target.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    keys = make_keys(tmp_path / "keys")
    store = tmp_path / "store" / "image.hib"
    with serving(store, keys) as server:
        yield Bench(server, keys, store)
