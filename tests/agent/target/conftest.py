"""A server for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hibtest.imageserver import Happening, make_keys, serving
from tests.agent.target.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    keys = make_keys(tmp_path / "keys")
    store = tmp_path / "store" / "image.hib"
    happened: list[Happening] = []
    with serving(store, keys, sink=happened.append) as server:
        yield Bench(server, keys, store, happened)
