"""Whether a scenario asks for something: what rows of :mod:`hibtest.spec.needs` are asked with."""

from collections.abc import Callable, Iterator

from hibtest.spec.guest import Firmware
from hibtest.spec.layout import Filesystem, SwapFile, SwapPartition, SwapZram, Table
from hibtest.spec.method import AgentMethod, KernelMethod, Mode, Protect, Stopper
from hibtest.spec.scenario import Scenario
from hibtest.spec.stack import Layer, Origin, Snapshot
from hibtest.spec.step import Mounts, Plug, Unplug
from hibtest.spec.workload import Memory, Pressure, Workload

Asks = Callable[[Scenario], bool]
_COMPRESSOR = "hibernate.compressor="  # since v6.9
_NOCOMPRESS = "hibernate=nocompress"


def nobody(_: Scenario) -> bool:
    """Return false: no scenario."""
    return False


def everybody(_: Scenario) -> bool:
    """Return true: each scenario."""
    return True


def looks_only(one: Scenario) -> bool:
    """Return whether a boot in between is not to write."""
    return one.mounts is not Mounts.WRITABLE


def works(*kinds: type[Workload]) -> Asks:
    """Return what asks for a workload of some kinds."""
    return lambda one: any(isinstance(load, kinds) for load in one.workloads)


def in_use(memory: Memory) -> Asks:
    """Return what asks for a kind of memory in use."""
    return lambda one: any(
        isinstance(load, Pressure) and load.memory is memory for load in one.workloads
    )


def layers(one: Scenario) -> Iterator[Layer]:
    """Yield what all of its disks stand on."""
    yield from one.guest.root
    for swap in one.layout:
        yield from swap.on
    yield from one.guest.data.on if one.guest.data else ()


def formats(kind: Filesystem) -> Asks:
    """Return what asks for files on a kind of filesystem."""

    def asks(one: Scenario) -> bool:
        kinds = {swap.filesystem for swap in one.layout if isinstance(swap, SwapFile)}
        return kind in kinds or (one.guest.data is not None and one.guest.data.filesystem is kind)

    return asks


def has_zram(one: Scenario) -> bool:
    """Return whether it swaps to zram."""
    return any(isinstance(swap, SwapZram) for swap in one.layout)


def has_table(table: Table) -> Asks:
    """Return what asks for swap on a partition of such a table."""
    return lambda one: any(
        isinstance(swap, SwapPartition) and swap.table is table for swap in one.layout
    )


def stands_on(*kinds: type[Layer]) -> Asks:
    """Return what asks for layers of some kinds."""
    return lambda one: any(isinstance(layer, kinds) for layer in layers(one))


def protects(one: Scenario) -> bool:
    """Return whether the agent makes a snapshot of the device mapper."""
    return isinstance(one.method, AgentMethod) and one.method.protect is Protect.DM_SNAPSHOT


def snapshots(one: Scenario) -> bool:
    """Return whether there is a snapshot of the device mapper, the agent's or a layer."""
    return protects(one) or stands_on(Snapshot, Origin)(one)


def maps(one: Scenario) -> bool:
    """Return whether there is anything of the device mapper."""
    return protects(one) or any(layers(one))


def has_many(one: Scenario) -> bool:
    """Return whether there is more than one vCPU at some time."""
    return max(one.guest.vcpus, one.resume.vcpus or 1) > 1 or plugs(one)


def plugs(one: Scenario) -> bool:
    """Return whether vCPUs come or go."""
    return any(isinstance(step, Plug | Unplug) for step in one.steps)


def has_threads(one: Scenario) -> bool:
    """Return whether CPUs have threads."""
    return one.guest.topology is not None and one.guest.topology.threads > 1


def by_agent(one: Scenario) -> bool:
    """Return whether the agent hibernates it."""
    return isinstance(one.method, AgentMethod)


def by_cgroup(one: Scenario) -> bool:
    """Return whether the agent stops processes by control groups."""
    return isinstance(one.method, AgentMethod) and one.method.stopper is Stopper.CGROUP


def pages_out(how: str) -> Asks:
    """Return what asks the agent to page out in such a way."""
    return lambda one: isinstance(one.method, AgentMethod) and one.method.page_out == how


def rehearses(one: Scenario) -> bool:
    """Return whether the hibernation is a rehearsal."""
    return one.method.rehearses


def in_mode(mode: Mode) -> Asks:
    """Return what asks for a mode of ``/sys/power/disk``."""
    return lambda one: one.method.mode is mode


def starts_by_uefi(one: Scenario) -> bool:
    """Return whether a machine starts with UEFI."""
    return Firmware.OVMF in {one.guest.firmware, one.resume.firmware}


def compresses(one: Scenario) -> bool:
    """Return whether the kernel compresses the image."""
    return isinstance(one.method, KernelMethod) and _NOCOMPRESS not in one.guest.append


def chooses(compressor: str) -> Asks:
    """Return what asks for a compressor by its name."""
    words = f"{_COMPRESSOR}{compressor}"
    return lambda one: any(word.startswith(words) for word in one.guest.append)
