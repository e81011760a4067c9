"""Does a hibernation come back when memory is nearly full, or while disk and network are busy?

What can be dropped or swapped out is, so that a snapshot has room for its copy; what cannot be
must fit in the half that a copy can be made of (kernel/power/snapshot.c,
hibernate_preallocate_memory()).
"""

from pathlib import Path

import pytest

from hibtest.spec import GuestSpec, Memory, Pressure, Run, Scenario, Workload
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

KERNELS = ("bookworm", "trixie", "backports")
# Succeeds once what is counted in a file is another number.
_GOES_ON = (
    '{{ was=$(cat {count}); for i in $(seq 600); do [ "$(cat {count})" = "$was" ] || exit 0; '
    'sleep 0.1; done; echo "stopped at $was"; exit 1; }}'
)
# Writes and flushes again and again; each round is counted.
STORAGE = Run(
    label="storage",
    start="setsid sh -c 'n=0; while dd if=/dev/urandom of=/root/load-$((n % 4)) bs=1M count=8 "
    "conv=fsync 2>/dev/null; do n=$((n + 1)); echo $n >/run/load; done' </dev/null >/dev/null 2>&1 "
    "& until [ -s /run/load ]; do sleep 0.1; done",
    check=_GOES_ON.format(count="/run/load"),
)
NETWORK = Run(
    label="network",
    start="setsid python3 ./traffic.py </dev/null >/run/traffic.log 2>&1 & "
    "until [ -s /run/traffic ]; do sleep 0.1; done",
    check=f"[ ! -s /run/traffic.log ] && {_GOES_ON.format(count='/run/traffic')}",
    files=(str(Path(__file__).with_name("traffic.py")),),
)


def _pressure(kernel: str, memory: Memory, percent: int) -> Scenario:
    name = f"pressure-KERNEL-{memory}-{percent}"
    return _scenario(kernel, name, Pressure(memory=memory, percent=percent))


def _scenario(kernel: str, name: str, load: Workload) -> Scenario:
    return Scenario(
        name=name,
        guest=GuestSpec(kernel=kernel),
        workloads=(load,),
        tags=("pressure", "wide"),
    )


SCENARIOS = (
    *(_pressure(kernel, Memory.PAGE_CACHE, 80) for kernel in KERNELS),
    *(_pressure(kernel, Memory.ANONYMOUS, 80) for kernel in KERNELS),
    *(_pressure(kernel, Memory.ANONYMOUS, 99) for kernel in KERNELS),
    *(_pressure(kernel, Memory.TMPFS, 80) for kernel in KERNELS),
    *(_pressure(kernel, Memory.LOCKED, 40) for kernel in KERNELS),
    *(_pressure(kernel, Memory.HUGE, 40) for kernel in KERNELS),
    *(_scenario(kernel, "load-KERNEL-storage", STORAGE) for kernel in KERNELS),
    *(_scenario(kernel, "load-KERNEL-network", NETWORK) for kernel in KERNELS),
)


def test_pressure(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
