"""All fuzzers, by name."""

from tests.fuzz import Fuzzer
from tests.fuzz.console import console_line

FUZZERS: dict[str, Fuzzer] = {
    "console": console_line,
}
