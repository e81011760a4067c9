"""The disk that was recorded."""

import pytest

from tests.image import recorded_disk


@pytest.fixture(scope="session")
def whole() -> bytes:
    return recorded_disk.content()
