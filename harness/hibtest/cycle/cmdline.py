"""What the kernel of each boot is told."""

from collections.abc import Iterator

from hibtest.cycle.storage import NOT_TOLD, Storage
from hibtest.spec import AgentMethod, Mounts, Named, Offset, Role, Scenario

NO_SERVER = "10.0.2.2:0"  # as a plan prints it

# panic=-1 oops=panic: with -no-reboot a guest in trouble ends its machine at once.
# no_console_suspend: the console is how a hang is explained.
# printk.devkmsg=on: what the guest's programs say stays in order with what the kernel says.
# no_timer_check: on a busy host the timer of an emulated PC may tick too late for the kernel,
# which then panics: "IO-APIC + timer doesn't work!" (arch/x86/kernel/apic/io_apic.c, 6.1 to 7.3).
_ALWAYS = (
    "panic=-1",
    "oops=panic",
    "no_console_suspend",
    "no_timer_check",
    "printk.devkmsg=on",
)


def cmdline(
    scenario: Scenario,
    storage: Storage,
    role: Role,
    *,
    server: str = NO_SERVER,
    told: int | None = None,
    first: int | None = None,
) -> str:
    """Return the kernel command line of a boot.

    It is the same for all boots of a scenario, but for what the scenario changes on purpose in
    the resume boot, and for an offset that is not known before the guest has told it.

    :param server: Where the guest finds an image server.
    :param told: Where the guest said that its swap file lies, in pages of the device.
    :param first: Where it said so first.
    """
    words = [*_ALWAYS, f"root={storage.root.device}", *_resume(scenario, storage, role)]
    words.extend(_offset(scenario, storage, role, told, first))
    if isinstance(scenario.method, AgentMethod) and role in {Role.RESUME, Role.COLD}:
        words.append(f"hibtest.agent={storage.image_word(server, told)}")
    if role is Role.RESCUE or (role is Role.RESUME and scenario.resume.noresume):
        words.append("noresume")
    if role is Role.RESCUE and scenario.mounts is not Mounts.WRITABLE:
        words.append(f"hibtest.mounts={scenario.mounts}")
    if scenario.guest.kexec and role is Role.SAVE:
        words.append("hibtest.kexec")
    words.extend(scenario.guest.append)
    if role is Role.RESUME:
        words.extend(scenario.resume.append)
    # The last console is /dev/console: what the guest says to us must not go elsewhere.
    words.append("console=ttyS0")
    return " ".join(words)


def _resume(scenario: Scenario, storage: Storage, role: Role) -> Iterator[str]:
    changed = scenario.resume.device if role is Role.RESUME else None
    device = changed or (storage.swap.resume if storage.swap else "")
    if device:
        yield f"resume={device}"


def _offset(
    scenario: Scenario, storage: Storage, role: Role, told: int | None, first: int | None
) -> Iterator[str]:
    if storage.swap is None or storage.swap.offset is not None or role is Role.SAVE:
        return
    asked = scenario.resume.offset if role is Role.RESUME else None
    unnamed = scenario.resume.named is Named.NOT and not scenario.resume.device
    if asked is Offset.MISSING or (asked is None and unnamed):
        return
    if isinstance(asked, int):
        told = asked
    elif asked is Offset.STALE and first is not None:
        told = first
    yield f"resume_offset={NOT_TOLD if told is None else told}"
