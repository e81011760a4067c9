"""What is frozen and thawed, made and given back: FREEZE, UNFREEZE, CREATE_IMAGE, FREE, close."""

from hibtest.snapshotdev.case import Between
from hibtest.snapshotdev.cases.parts import CPU1_OFF_AND_ON, IMAGE, USER, WARNS, case

CASES = (
    case(
        "freeze-twice",
        f"SNAPSHOT_FREEZE in snapshot_ioctl(), {USER}",
        "start a = S; open r; FREEZE; FREEZE; state a = D",
        "ATOMIC_RESTORE = EPERM; GET_IMAGE_SIZE = ENODATA; read 4096 = ENODATA",
        "UNFREEZE; becomes a S = S; UNFREEZE",
    ),
    case(
        # It reads D while it is frozen, and is stopped again after the thaw; wait4(2) hears
        # nothing of it. Signals take effect at the thaw; wait4(2) tells of a SIGCONT at once.
        "frozen-while-stopped",
        "__set_task_frozen(), __restore_freezer_state(), kernel/freezer.c",
        "start a = S; start b = S; signal b SIGSTOP; becomes b T = T; reported b = stopped",
        "open r; FREEZE; state a = D; state b = D",
        "UNFREEZE; becomes b T = T; reported b = nothing",
        "FREEZE; signal b SIGCONT; state b = D; reported b = continued",
        "UNFREEZE; becomes b S = S; reported b = nothing",
        "FREEZE; signal a SIGKILL; signal b SIGSTOP; state a = D; state b = D",
        "UNFREEZE; becomes a Z = Z; becomes b T = T",
    ),
    case(
        # PF_SUSPEND_TASK is inherited: what is forked now runs on, and the thaw complains.
        "fork-while-frozen",
        "thaw_processes(), kernel/power/process.c",
        "open r; FREEZE; start a = S; signal a SIGSTOP; becomes a T = T",
        "UNFREEZE; becomes a T = T",
        says="thaw_processes",
        needs=WARNS,
    ),
    case(
        "close-frozen",
        f"snapshot_release(), {USER}",
        "start a = S",
        "open r; FREEZE; state a = D; close; becomes a S = S",
        "open w; FREEZE; state a = D; close; becomes a S = S",
    ),
    # That this is told at all shows that the guest was thawed.
    case("killed-while-frozen", f"snapshot_release(), {USER}", IMAGE, "die", ends="SIGKILL"),
    case(
        # With an image ready UNFREEZE does nothing and says that all is well.
        "image-cancelled",
        f"SNAPSHOT_UNFREEZE, SNAPSHOT_FREE in snapshot_ioctl(), {USER}",
        "start a = S; change MemAvailable = 0; change SwapFree = 0",
        IMAGE,
        "CREATE_IMAGE = EPERM; UNFREEZE; state a = D",
        ("GET_IMAGE_SIZE", Between(4096, 1 << 29, 4096)),
        "read 4096 100 = 4096",
        "FREE; GET_IMAGE_SIZE = ENODATA; state a = D",
        "UNFREEZE; becomes a S = S; close",
        ("change MemAvailable", Between(-49152, 65536)),  # KiB; the image took 120 MiB
        "change SwapFree = 0",
        CPU1_OFF_AND_ON,
        needs=("HOTPLUG_CPU",),
    ),
    case(
        # The image is made, and is not ready; it goes with FREE. Kernel threads stay frozen,
        # and to freeze them once more is a WARNING.
        "create-bad-pointer",
        f"SNAPSHOT_CREATE_IMAGE in snapshot_ioctl(), {USER}",
        "open r; FREEZE; CREATE_IMAGE NULL = EFAULT",
        "GET_IMAGE_SIZE = ENODATA; read 4096 = ENODATA",
        "CREATE_IMAGE = 1; GET_IMAGE_SIZE NULL = EFAULT; FREE; UNFREEZE",
        says="freeze_workqueues_begin",
        needs=WARNS,
    ),
    case(
        # image_size is the whole system's, and stays as it is; who may write may set it.
        "pref-image-size",
        f"SNAPSHOT_PREF_IMAGE_SIZE in snapshot_ioctl(), {USER}",
        "swapoff",  # it would be full of what did not fit in the image
        "open r; PREF_IMAGE_SIZE 500000000; FREEZE; CREATE_IMAGE = 1",
        "change GET_IMAGE_SIZE = 0; FREE; PREF_IMAGE_SIZE 90000000; CREATE_IMAGE = 1",
        ("change GET_IMAGE_SIZE", Between(-(1 << 29), -(1 << 22))),
        "close",
        ("see /sys/power/image_size", "90000000"),
        "open w; PREF_IMAGE_SIZE 200000000; close",
        ("see /sys/power/image_size", "200000000"),
        "swapon",
    ),
)
