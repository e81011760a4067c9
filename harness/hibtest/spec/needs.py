"""What a guest's kernel must be able to do, by configuration option, why, and in which scenarios.

The one table of that: ``images check-kernel``, ``run``, ``list``, ``plan`` and pytest ask it, and
so does a workload that cannot be set up. Names are those of v6.1 to v7.3.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from hibtest.spec.asking import (
    Asks,
    by_agent,
    by_cgroup,
    chooses,
    compresses,
    everybody,
    formats,
    has_many,
    has_table,
    has_threads,
    has_zram,
    in_mode,
    in_use,
    looks_only,
    maps,
    nobody,
    pages_out,
    plugs,
    rehearses,
    snapshots,
    stands_on,
    starts_by_uefi,
    works,
)
from hibtest.spec.lacking import Missing
from hibtest.spec.layout import Filesystem, Table
from hibtest.spec.method import Mode
from hibtest.spec.release import release_of
from hibtest.spec.scenario import Scenario
from hibtest.spec.stack import (
    Crypt,
    Delay,
    Flakey,
    Integrity,
    Multipath,
    Raid1,
    Thin,
)
from hibtest.spec.workload import (
    FullSwap,
    FuseDirty,
    LoopOnFuse,
    Memory,
    MuchMemory,
    Nbd,
    SwapOnLoopOnFuse,
)


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
    asks: Asks = nobody
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


def _some(options: str, why: str, asks: Asks = nobody) -> Need:
    return Need(options=tuple(options.split()), why=why, always=False, asks=asks)


def _some_driver(words: str, why: str, asks: Asks = nobody, since: tuple[int, ...] = ()) -> Need:
    options, modules = _named(words)
    return Need(options=options, modules=modules, why=why, always=False, asks=asks, since=since)


def _named(words: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    options, modules = zip(*(word.split("=") for word in words.split()), strict=True)
    return options, modules


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
    _some("ACPI", "the mode `platform`, and a guest that powers itself off", everybody),
    _some("SMP", "guests with more than one vCPU", has_many),
    _some("HOTPLUG_CPU", "hibernation of more than one vCPU, and vCPUs that come or go", has_many),
    _some("SCHED_SMT", "cores with more than one thread, which can be switched off", has_threads),
    _some("ACPI_HOTPLUG_CPU", "vCPUs that are plugged in and unplugged", plugs),
    Need(
        options=("HYPERVISOR_GUEST",),
        why="vCPUs that are plugged into a kernel with 1c7ac68c05bc (docs/cpus.md)",
        always=False,
        asks=plugs,
        since=(6, 12),
    ),
    _some("KEXEC", "a kernel that starts another", lambda one: one.guest.kexec),
    _some("EFI_STUB", "machines that start with UEFI", starts_by_uefi),
    _some("HIBERNATION_SNAPSHOT_DEV", "the method `agent`: /dev/snapshot", by_agent),
    _some("SECRETMEM", "memory that bars a hibernation, of memfd_secret(2)"),
    _some_driver(
        "CRYPTO_LZO=lzo CRYPTO_LZ4=lz4", "compressed images (v6.9 and later)", compresses, (6, 9)
    ),
    _some(
        "HIBERNATION_COMP_LZO HIBERNATION_COMP_LZ4",
        "choosing the image's compressor (v6.9 and later)",
        chooses(""),
    ),
    _some_driver("CRYPTO_LZO=lzo", "images compressed with LZO", chooses("lzo"), (6, 9)),
    _some_driver("CRYPTO_LZ4=lz4", "images compressed with LZ4", chooses("lz4"), (6, 9)),
    _some("KALLSYMS", "warnings of the kernel that name the function"),
    _some("BUG", "warnings of the kernel"),
    _some("KALLSYMS_ALL", "the proof of the image (without: --no-proof)"),
    _some("DEBUG_INFO_BTF", "the roll call of tasks at the snapshot (without: it is left out)"),
    _some("PROC_KCORE", "looking at the guest's kernel from inside"),
    _some("CGROUPS", "the stopper `cgroup`", by_cgroup),
    _some("ADVISE_SYSCALLS", "paging out by `madvise`", pages_out("madvise")),
    _some("MEMCG", "paging out by `reclaim`", pages_out("reclaim")),
    _some("MEMFD_CREATE", "memory that a process keeps much of", works(MuchMemory, FullSwap)),
    _some("HUGETLBFS", "huge pages in use", in_use(Memory.HUGE)),
    _some("PM_SLEEP_DEBUG", "pm_test levels and pm_debug_messages", rehearses),
    _some("SUSPEND", "the mode `suspend`, which sleeps in ACPI S3", in_mode(Mode.SUSPEND)),
    _some("DYNAMIC_DEBUG", "the kernel's own account of each stage"),
    _some("MAGIC_SYSRQ", "task states after a hang"),
    _some("RELOCATABLE", "resuming below another kernel base address, as users do"),
    _some_driver("OVERLAY_FS=overlay", "boots in between that write to no disk", looks_only),
    _some_driver("BLK_DEV_DM=dm_mod", "device-mapper stacks", maps),
    _some_driver("DM_SNAPSHOT=dm_snapshot", "device-mapper snapshots, and LVM's", snapshots),
    _some_driver("DM_CRYPT=dm_crypt", "encrypted swap", stands_on(Crypt)),
    _some_driver("DM_RAID=dm_raid", "mirrors of the device mapper", stands_on(Raid1)),
    _some_driver("DM_THIN_PROVISIONING=dm_thin_pool", "thin devices", stands_on(Thin)),
    _some_driver("DM_INTEGRITY=dm_integrity", "devices with checksums", stands_on(Integrity)),
    _some_driver("DM_DELAY=dm_delay", "devices that take their time", stands_on(Delay)),
    _some_driver("DM_FLAKEY=dm_flakey", "devices that could fail", stands_on(Flakey)),
    _some_driver("DM_MULTIPATH=dm_multipath", "two paths to one disk", stands_on(Multipath)),
    _some_driver("BLK_DEV_LOOP=loop", "swap on loop devices", works(LoopOnFuse, SwapOnLoopOnFuse)),
    _some_driver("ZRAM=zram", "zram beside the swap on disk", has_zram),
    _some("EFI_PARTITION", "swap on a partition of a GPT", has_table(Table.GPT)),
    _some("MSDOS_PARTITION", "swap on a partition of an MBR", has_table(Table.MBR)),
    _some_driver("BLK_DEV_NBD=nbd", "disks over the network", works(Nbd)),
    _some_driver(
        "FUSE_FS=fuse",
        "FUSE filesystems, which stoppers fall over",
        works(FuseDirty, LoopOnFuse, SwapOnLoopOnFuse),
    ),
    _some_driver("XFS_FS=xfs", "swap files and data on XFS", formats(Filesystem.XFS)),
    _some_driver("BTRFS_FS=btrfs", "swap files and data on Btrfs", formats(Filesystem.BTRFS)),
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
    return release_of(release)[:2] >= need.since
