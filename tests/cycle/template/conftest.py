"""The job whose boots may start from templates."""

from tests.cycle.template.warm import _warm

__all__ = ["_warm"]
