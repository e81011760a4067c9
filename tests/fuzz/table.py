"""All fuzzers, by name."""

from tests.fuzz import Fuzzer
from tests.fuzz.console import console_line
from tests.fuzz.probe import check_answer, kernel_line

FUZZERS: dict[str, Fuzzer] = {
    "console": console_line,
    "klog": kernel_line,
    "probe": check_answer,
}
