"""What the tests of hibtest and its scenarios start from."""

from tests.byguest import pytest_xdist_make_scheduler

__all__ = ["pytest_xdist_make_scheduler"]
