"""Inputs by chance, for whatever reads what somebody else wrote: seconds of it, or hours.

A *fuzzer* is a function that makes one input from a source of chance, feeds it to real code, and
raises when the answer cannot be right. tests/fuzz/test_fuzz.py runs a few hundred inputs of each;
``python -m tests.fuzz`` goes on for as long as it is told, and names the input that fell, so that
it can be made again.
"""

import random
import resource
from collections.abc import Callable

Fuzzer = Callable[[random.Random], None]
MOST_MIB = 500  # that a process which fuzzes may grow by: no input takes much memory


class Fallen(Exception):
    """An input that fell; ``python -m tests.fuzz NAME --first NUMBER`` makes it again."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(f"{name} input {number}")
        self.name = name
        self.number = number


def feed(name: str, fuzzer: Fuzzer, number: int) -> None:
    """Make one input of a fuzzer and feed it.

    :param number: Which: the same number makes the same input.
    :raise Fallen: When the answer cannot be right, or took too much memory; its cause says how.
    """
    before = _peak_mib()
    try:
        fuzzer(random.Random(f"{name} {number}"))  # noqa: S311
        grown = _peak_mib() - before
        assert grown < MOST_MIB, f"it took {grown} MiB of memory"
    except Exception as error:
        raise Fallen(name, number) from error


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
