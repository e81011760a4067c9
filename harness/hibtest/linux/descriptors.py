"""Descriptors that are closed on the way out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def closing(fd: int) -> Iterator[int]:
    """Yield a descriptor, and close it in the end."""
    try:
        yield fd
    finally:
        os.close(fd)
