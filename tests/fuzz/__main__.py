"""``python -m tests.fuzz [NAME...] [--seconds N] [--first NUMBER] [--inputs N]``."""

import argparse
import sys
import time
import traceback
from collections import Counter
from itertools import count, cycle

from tests.fuzz import Fallen, feed
from tests.fuzz.table import FUZZERS


def main() -> int:
    """Fuzz until the time is over; tell what fell, and at the end how much was fed."""
    words = _words()
    fed: Counter[str] = Counter()
    fell: list[Fallen] = []
    end = time.monotonic() + words.seconds
    turns = cycle(words.name or sorted(FUZZERS))
    numbers = {name: count(words.first) for name in FUZZERS}
    while time.monotonic() < end and len(fell) < words.most and fed.total() < words.inputs:
        name = next(turns)
        try:
            feed(name, FUZZERS[name], next(numbers[name]))
        except Fallen as fallen:
            fell.append(fallen)
            traceback.print_exception(fallen)
        fed[name] += 1
    for name, inputs in sorted(fed.items()):
        falls = [one.number for one in fell if one.name == name]
        print(f"{name}: {inputs} inputs from {words.first} on, {len(falls)} fell {falls or ''}")
    return 1 if fell else 0


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=main.__doc__)
    parser.add_argument("name", nargs="*", help=f"of {', '.join(sorted(FUZZERS))}; default: all")
    parser.add_argument("--seconds", type=float, default=60.0, help="default: %(default)s")
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER", help="of the inputs")
    parser.add_argument("--inputs", type=float, default=float("inf"), metavar="N", help="at most")
    parser.add_argument("--most", type=int, default=20, metavar="N", help="stop when N fell")
    words = parser.parse_args()
    for name in words.name:
        if name not in FUZZERS:
            parser.error(f"there is no fuzzer {name}: {', '.join(sorted(FUZZERS))}")
    return words


if __name__ == "__main__":
    sys.exit(main())
