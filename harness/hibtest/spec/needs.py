"""What a guest's kernel must be able to do, by configuration option, why, and in which scenarios.

The one table of that: ``images check-kernel``, ``run``, ``list``, ``plan`` and pytest ask it, and
so does a workload that cannot be set up. Names are those of v6.1 to v7.3.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from hibtest.spec.guest import Firmware
from hibtest.spec.lacking import Missing
from hibtest.spec.layout import Filesystem, SwapFile, SwapPartition, SwapZram, Table
from hibtest.spec.method import AgentMethod, KernelMethod, Protect, Stopper
from hibtest.spec.scenario import Scenario
from hibtest.spec.stack import (
    Crypt,
    Delay,
    Flakey,
    Integrity,
    Layer,
    Multipath,
    Origin,
    Raid1,
    Snapshot,
    Thin,
)
from hibtest.spec.step import Plug, Unplug
from hibtest.spec.workload import (
    FullSwap,
    FuseDirty,
    LoopOnFuse,
    MuchMemory,
    Nbd,
    SwapOnLoopOnFuse,
    Workload,
)

Asks = Callable[[Scenario], bool]
_COMPRESSOR = "hibernate.compressor="  # since v6.9
_NOCOMPRESS = "hibernate=nocompress"


def _nobody(_: Scenario) -> bool:
    return False


def _everybody(_: Scenario) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that a guest kernel needs.

    :ivar options: Any one of these, without ``CONFIG_``.
    :ivar why: What does not work without it.
    :ivar modules: What each is called as a module, with ``_`` for ``-``; empty: it can be none.
        A module is enough where the guest has it.
    :ivar always: Whether no guest works without it; else only some scenarios do not.
    :ivar asks: Says of a scenario whether it is one of these.
    :ivar since: The first release that needs it, such as ``(6, 9)``.
    """

    options: tuple[str, ...]
    why: str
    modules: tuple[str, ...] = ()
    always: bool = True
    asks: Asks = _nobody
    since: tuple[int, ...] = ()

    @property
    def option(self) -> str:
        """Its options as they are told: ``CONFIG_CRYPTO_LZO or CONFIG_CRYPTO_LZ4``."""
        return " or ".join(f"CONFIG_{option}" for option in self.options)


def _need(options: str, why: str) -> Need:
    return Need(options=tuple(options.split()), why=why)


def _driver(words: str, why: str) -> Need:
    options, modules = _named(words)
    return Need(options=options, modules=modules, why=why)


def _some(options: str, why: str, asks: Asks = _nobody) -> Need:
    return Need(options=tuple(options.split()), why=why, always=False, asks=asks)


def _some_driver(words: str, why: str, asks: Asks = _nobody, since: tuple[int, ...] = ()) -> Need:
    options, modules = _named(words)
    return Need(options=options, modules=modules, why=why, always=False, asks=asks, since=since)


def _named(words: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    options, modules = zip(*(word.split("=") for word in words.split()), strict=True)
    return options, modules


def _works(*kinds: type[Workload]) -> Asks:
    return lambda one: any(isinstance(load, kinds) for load in one.workloads)


def _layers(one: Scenario) -> Iterator[Layer]:
    yield from one.guest.root
    for swap in one.layout:
        yield from swap.on
    yield from one.guest.data.on if one.guest.data else ()


def _formats(kind: Filesystem) -> Asks:
    def asks(one: Scenario) -> bool:
        kinds = {swap.filesystem for swap in one.layout if isinstance(swap, SwapFile)}
        return kind in kinds or (one.guest.data is not None and one.guest.data.filesystem is kind)

    return asks


def _has_zram(one: Scenario) -> bool:
    return any(isinstance(swap, SwapZram) for swap in one.layout)


def _has_table(table: Table) -> Asks:
    return lambda one: any(
        isinstance(swap, SwapPartition) and swap.table is table for swap in one.layout
    )


def _stands_on(*kinds: type[Layer]) -> Asks:
    return lambda one: any(isinstance(layer, kinds) for layer in _layers(one))


def _protects(one: Scenario) -> bool:
    return isinstance(one.method, AgentMethod) and one.method.protect is Protect.DM_SNAPSHOT


def _snapshots(one: Scenario) -> bool:
    return _protects(one) or _stands_on(Snapshot, Origin)(one)


def _maps(one: Scenario) -> bool:
    return _protects(one) or any(_layers(one))


def _has_many(one: Scenario) -> bool:
    return max(one.guest.vcpus, one.resume.vcpus or 1) > 1 or _plugs(one)


def _plugs(one: Scenario) -> bool:
    return any(isinstance(step, Plug | Unplug) for step in one.steps)


def _has_threads(one: Scenario) -> bool:
    return one.guest.topology is not None and one.guest.topology.threads > 1


def _by_agent(one: Scenario) -> bool:
    return isinstance(one.method, AgentMethod)


def _by_cgroup(one: Scenario) -> bool:
    return isinstance(one.method, AgentMethod) and one.method.stopper is Stopper.CGROUP


def _pages_out(how: str) -> Asks:
    return lambda one: isinstance(one.method, AgentMethod) and one.method.page_out == how


def _starts_by_uefi(one: Scenario) -> bool:
    return Firmware.OVMF in {one.guest.firmware, one.resume.firmware}


def _compresses(one: Scenario) -> bool:
    return isinstance(one.method, KernelMethod) and _NOCOMPRESS not in one.guest.append


def _chooses(compressor: str) -> Asks:
    words = f"{_COMPRESSOR}{compressor}"
    return lambda one: any(word.startswith(words) for word in one.guest.append)


NEEDS = (
    _need("HIBERNATION", "hibernation itself"),
    _need("SWAP", "the image is written to swap"),
    _need("PCI", "the machine's devices are PCI devices"),
    _driver("VIRTIO_PCI=virtio_pci", "disks and network are virtio-pci devices"),
    _driver("VIRTIO_BLK=virtio_blk", "the guest's disks"),
    _driver("VIRTIO_NET=virtio_net", "SSH into the guest"),
    _driver("EXT4_FS=ext4", "the guest's root filesystem"),
    _driver("SQUASHFS=squashfs", "the toolbox and module disks"),
    _need("SQUASHFS_LZ4", "the toolbox and module disks are compressed with LZ4"),
    _need("TTY", "the serial console"),
    _need("SERIAL_8250_CONSOLE", "the kernel log and the guest's reports come by serial console"),
    _need("PRINTK", "the kernel log"),
    _need("BLK_DEV_INITRD", "early userspace, which resumes, is an initramfs"),
    _need("BINFMT_ELF", "programs"),
    _need("BINFMT_SCRIPT", "early userspace is a shell script"),
    _need("DEVTMPFS", "the guest has no udev: device nodes are the kernel's"),
    _need("PROC_FS", "/proc"),
    _need("SYSFS", "hibernation is driven through /sys/power"),
    _need("TMPFS", "/run, /tmp and /dev/shm, which witnesses lie in"),
    _need("SHMEM", "shared memory, which a witness lies in"),
    _need("UNIX98_PTYS", "terminals of SSH sessions"),
    _need("NET", "SSH into the guest"),
    _need("INET", "SSH into the guest, and TCP connections as witnesses"),
    _need("UNIX", "sockets of sshd and of witnesses"),
    _need("MULTIUSER", "sshd gives up its rights"),
    _need("FUTEX", "threads"),
    _need("EPOLL", "Python"),
    _need("POSIX_TIMERS", "timers as witnesses"),
    _need("MODULES", "the modules that were given"),
    _some("ACPI", "the mode `platform`, and a guest that powers itself off", _everybody),
    _some("SMP", "guests with more than one vCPU", _has_many),
    _some("HOTPLUG_CPU", "hibernation of more than one vCPU, and vCPUs that come or go", _has_many),
    _some("SCHED_SMT", "cores with more than one thread, which can be switched off", _has_threads),
    _some("ACPI_HOTPLUG_CPU", "vCPUs that are plugged in and unplugged", _plugs),
    Need(
        options=("HYPERVISOR_GUEST",),
        why="vCPUs that are plugged into a kernel with 1c7ac68c05bc (docs/cpus.md)",
        always=False,
        asks=_plugs,
        since=(6, 12),
    ),
    _some("KEXEC", "a kernel that starts another", lambda one: one.guest.kexec),
    _some("EFI_STUB", "machines that start with UEFI", _starts_by_uefi),
    _some("HIBERNATION_SNAPSHOT_DEV", "the method `agent`: /dev/snapshot", _by_agent),
    _some("SECRETMEM", "memory that bars a hibernation, of memfd_secret(2)"),
    _some_driver(
        "CRYPTO_LZO=lzo CRYPTO_LZ4=lz4", "compressed images (v6.9 and later)", _compresses, (6, 9)
    ),
    _some(
        "HIBERNATION_COMP_LZO HIBERNATION_COMP_LZ4",
        "choosing the image's compressor (v6.9 and later)",
        _chooses(""),
    ),
    _some_driver("CRYPTO_LZO=lzo", "images compressed with LZO", _chooses("lzo"), (6, 9)),
    _some_driver("CRYPTO_LZ4=lz4", "images compressed with LZ4", _chooses("lz4"), (6, 9)),
    _some("KALLSYMS", "warnings of the kernel that name the function"),
    _some("BUG", "warnings of the kernel"),
    _some("KALLSYMS_ALL", "the proof of the image (without: --no-proof)"),
    _some("DEBUG_INFO_BTF", "the roll call of tasks at the snapshot (without: it is left out)"),
    _some("PROC_KCORE", "looking at the guest's kernel from inside"),
    _some("CGROUPS", "the stopper `cgroup`", _by_cgroup),
    _some("ADVISE_SYSCALLS", "paging out by `madvise`", _pages_out("madvise")),
    _some("MEMCG", "paging out by `reclaim`", _pages_out("reclaim")),
    _some("MEMFD_CREATE", "memory that a process keeps much of", _works(MuchMemory, FullSwap)),
    _some("PM_SLEEP_DEBUG", "pm_test levels and pm_debug_messages"),
    _some("DYNAMIC_DEBUG", "the kernel's own account of each stage"),
    _some("MAGIC_SYSRQ", "task states after a hang"),
    _some("RELOCATABLE", "resuming below another kernel base address, as users do"),
    _some_driver("BLK_DEV_DM=dm_mod", "device-mapper stacks", _maps),
    _some_driver("DM_SNAPSHOT=dm_snapshot", "device-mapper snapshots, and LVM's", _snapshots),
    _some_driver("DM_CRYPT=dm_crypt", "encrypted swap", _stands_on(Crypt)),
    _some_driver("DM_RAID=dm_raid", "mirrors of the device mapper", _stands_on(Raid1)),
    _some_driver("DM_THIN_PROVISIONING=dm_thin_pool", "thin devices", _stands_on(Thin)),
    _some_driver("DM_INTEGRITY=dm_integrity", "devices with checksums", _stands_on(Integrity)),
    _some_driver("DM_DELAY=dm_delay", "devices that take their time", _stands_on(Delay)),
    _some_driver("DM_FLAKEY=dm_flakey", "devices that could fail", _stands_on(Flakey)),
    _some_driver("DM_MULTIPATH=dm_multipath", "two paths to one disk", _stands_on(Multipath)),
    _some_driver("BLK_DEV_LOOP=loop", "swap on loop devices", _works(LoopOnFuse, SwapOnLoopOnFuse)),
    _some_driver("ZRAM=zram", "zram beside the swap on disk", _has_zram),
    _some("EFI_PARTITION", "swap on a partition of a GPT", _has_table(Table.GPT)),
    _some("MSDOS_PARTITION", "swap on a partition of an MBR", _has_table(Table.MBR)),
    _some_driver("BLK_DEV_NBD=nbd", "disks over the network", _works(Nbd)),
    _some_driver(
        "FUSE_FS=fuse",
        "FUSE filesystems, which stoppers fall over",
        _works(FuseDirty, LoopOnFuse, SwapOnLoopOnFuse),
    ),
    _some_driver("XFS_FS=xfs", "swap files and data on XFS", _formats(Filesystem.XFS)),
    _some_driver("BTRFS_FS=btrfs", "swap files and data on Btrfs", _formats(Filesystem.BTRFS)),
    _some_driver("VIRTIO_BALLOON=virtio_balloon", "guests whose memory is taken while they run"),
    _some_driver("VIRTIO_CONSOLE=virtio_console", "a channel beside the serial console"),
)


def needs_of(scenario: Scenario) -> tuple[Need, ...]:
    """Return what a scenario needs beyond what every guest does."""
    return tuple(need for need in NEEDS if not need.always and need.asks(scenario))


def unmet(scenario: Scenario, lacks: Iterable[Missing] | None) -> str:
    """Return why a scenario does not apply to a kernel, in words; empty when it does.

    :param lacks: What the kernel lacks; ``None``: it is not known, and all are taken to apply.
    """
    options = {need.option for need in needs_of(scenario)}
    return "; ".join(one.words for one in lacks or () if one.option in options)


def unmet_options(options: Collection[str], lacks: Iterable[Missing] | None) -> str:
    """Return the same of what needs these options, each without ``CONFIG_``."""
    named = {f"CONFIG_{option}" for option in options}
    return "; ".join(one.words for one in lacks or () if one.option in named)


def lack(
    need: Need, is_: Callable[[str], str], modules: Collection[str] | None = None
) -> Missing | None:
    """Return what of a need a configuration lacks, ``None`` if it has it.

    :param is_: Returns what an option is: ``y``, ``m`` or ``n``.
    :param modules: The modules that the guest will have, with ``_`` for ``-``; ``None``: none.
    """
    values = [is_(option) for option in need.options]
    loaded = zip(values, need.modules, strict=False)
    there = modules is not None and any(one == "m" and name in modules for one, name in loaded)
    if "y" in values or there:
        return None
    gone = need.modules and modules is not None
    return Missing(
        option=need.option,
        wanted="y or m" if gone else "y",
        found=("gone" if gone else "m") if "m" in values else "n",
        why=need.why,
        always=need.always,
    )


def asked_of(need: Need, release: str) -> bool:
    """Return whether a kernel of this release needs it at all."""
    return tuple(int(number) for number in re.findall(r"\d+", release)[:2]) >= need.since
