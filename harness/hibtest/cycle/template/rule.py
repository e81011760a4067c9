"""Which boots may start from a template, and where in a boot it is saved. Pure."""

from enum import StrEnum

from hibtest.cycle.storage import Storage
from hibtest.job import Job
from hibtest.machine.migrate import can_migrate
from hibtest.machine.shape import Accel
from hibtest.spec import OWN_KERNEL, AtRest, Firmware, Role, Target
from hibtest.spec.course import BootPlan


class Place(StrEnum):
    """Where a guest waits for us: ``wait_here`` of images/templates."""

    EARLY = "early"  # early userspace, drivers loaded, before anything is read from a disk
    READY = "ready"  # all is up; the guest's init is about to say so


# Boots that look for an image start in early userspace, with a kernel that has read nothing from a
# disk. It must be another than the save boot's: with one template for both, each image would be
# restored by a kernel that lies where the restored one does (KASLR), which people seldom meet.
def place_of(job: Job, storage: Storage, plan: BootPlan) -> Place | None:
    """Return where a boot's template is saved; ``None``: the boot starts with its firmware."""
    if why_cold(job, storage, plan):
        return None
    return Place.READY if plan.role is Role.SAVE else Place.EARLY


def why_cold(job: Job, storage: Storage, plan: BootPlan) -> str:
    """Return why a boot starts with its firmware; empty when it need not."""
    guest = plan.guest
    # With virtio_blk built in, the kernel itself may read a disk before early userspace does:
    # resume=PARTUUID= (software_resume(), kernel/power/hibernate.c, a late initcall, 6.1 to 7.3).
    own = guest.kernel == OWN_KERNEL and plan.role is not Role.SAVE
    reasons = {
        "no templates are to be used": job.templates is None,
        f"QEMU {job.host.qemu} saves no machine to a file": not can_migrate(job.host.qemu),
        "a template is bound to emulation, not to this host's CPU": job.host.accel != Accel.TCG,
        f"of {guest.firmware} none is made": guest.firmware is not Firmware.SEABIOS,
        "a kernel of one's own may read disks before early userspace": own,
        "its vCPUs may vary in number": guest.max_vcpus is not None,
        "its server's port and keys are new in each run": storage.target is Target.SERVER,
        "a fault strikes in it": any(not isinstance(f.when, AtRest) for f in plan.faults),
    }
    return next((why for why, holds in reasons.items() if holds), "")
