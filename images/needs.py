"""What a guest kernel must be able to do, by configuration option, and why.

Names are those of v6.1 to v7.3.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that a guest kernel needs.

    :ivar options: Any one of these, without ``CONFIG_``.
    :ivar why: What does not work without it.
    :ivar module: Whether it may be a module, where the guest has the kernel's modules.
    :ivar always: Whether no guest works without it; else only some scenarios do not.
    """

    options: tuple[str, ...]
    why: str
    module: bool = False
    always: bool = True


def _need(options: str, why: str) -> Need:
    return Need(options=tuple(options.split()), why=why)


def _driver(options: str, why: str) -> Need:
    return Need(options=tuple(options.split()), why=why, module=True)


def _some(options: str, why: str) -> Need:
    return Need(options=tuple(options.split()), why=why, always=False)


def _some_driver(options: str, why: str) -> Need:
    return Need(options=tuple(options.split()), why=why, module=True, always=False)


NEEDS = (
    _need("HIBERNATION", "hibernation itself"),
    _need("SWAP", "the image is written to swap"),
    _need("PCI", "the machine's devices are PCI devices"),
    _driver("VIRTIO_PCI", "disks and network are virtio-pci devices"),
    _driver("VIRTIO_BLK", "the guest's disks"),
    _driver("VIRTIO_NET", "SSH into the guest"),
    _driver("EXT4_FS", "the guest's root filesystem"),
    _driver("SQUASHFS", "the toolbox and module disks"),
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
    _some("ACPI", "the mode `platform`, and a guest that powers itself off"),
    _some("SMP", "guests with more than one vCPU"),
    _some("HOTPLUG_CPU", "vCPUs that are unplugged, and hibernation of more than one"),
    _some("HIBERNATION_SNAPSHOT_DEV", "the method `agent`: /dev/snapshot"),
    _some_driver("CRYPTO_LZO CRYPTO_LZ4", "compressed images (v6.9 and later)"),
    _some("KALLSYMS_ALL", "the proof of the image (without: --no-proof)"),
    _some("PROC_KCORE", "looking at the guest's kernel from inside"),
    _some("CGROUPS", "the stopper `cgroup`"),
    _some("PM_SLEEP_DEBUG", "pm_test levels and pm_debug_messages"),
    _some("DYNAMIC_DEBUG", "the kernel's own account of each stage"),
    _some("MAGIC_SYSRQ", "task states after a hang"),
    _some("RELOCATABLE", "resuming below another kernel base address, as users do"),
    _some_driver("BLK_DEV_DM", "device-mapper stacks"),
    _some_driver("DM_SNAPSHOT", "device-mapper snapshots, and LVM's"),
    _some_driver("DM_CRYPT", "encrypted swap"),
    _some_driver("BLK_DEV_LOOP", "swap on loop devices"),
    _some_driver("ZRAM", "zram beside the swap on disk"),
    _some_driver("BLK_DEV_NBD", "disks over the network"),
    _some_driver("FUSE_FS", "FUSE filesystems, which stoppers fall over"),
    _some_driver("XFS_FS", "swap files on XFS"),
    _some_driver("BTRFS_FS", "swap files on Btrfs"),
    _some_driver("VIRTIO_BALLOON", "guests whose memory is taken while they run"),
    _some_driver("VIRTIO_CONSOLE", "a channel beside the serial console"),
)
