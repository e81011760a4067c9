"""All fuzzers, by name."""

from tests.fuzz import Fuzzer
from tests.fuzz.console import console_line
from tests.fuzz.image import agent_image, kernel_image, qcow2_header
from tests.fuzz.probe import check_answer, kernel_line
from tests.fuzz.qmp import monitor

FUZZERS: dict[str, Fuzzer] = {
    "console": console_line,
    "inspect-agent": agent_image,
    "inspect-kernel": kernel_image,
    "inspect-qcow2": qcow2_header,
    "klog": kernel_line,
    "probe": check_answer,
    "qmp": monitor,
}
