"""What the kernel of each boot is told."""

from hibtest.cycle import agent
from hibtest.spec import SWAP_DEVICE, AgentMethod, MappedRoot, NoSwap, Role, Scenario

NO_SERVER = "10.0.2.2:0"  # as a plan prints it
ROOT_DEVICE = "/dev/disk/by-id/virtio-root"

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


def cmdline(scenario: Scenario, role: Role, server: str = NO_SERVER) -> str:
    """Return the kernel command line of a boot.

    It is the same for all boots of a scenario, but for what the scenario changes on purpose in
    the resume boot.

    :param server: Where the guest finds an image server.
    """
    words = [*_ALWAYS, f"root={ROOT_DEVICE}"]
    changed = scenario.resume if role is Role.RESUME else None
    words.append(f"resume={changed.device if changed else SWAP_DEVICE}")
    if isinstance(scenario.method, AgentMethod) and role is not Role.SAVE:
        words.append(f"hibtest.agent={agent.target_word(scenario.method, server)}")
    if changed and changed.noresume:
        words.append("noresume")
    if not isinstance(scenario.layout, NoSwap):
        words.append(f"hibtest.swapon={SWAP_DEVICE}")
    if isinstance(scenario.guest.root, MappedRoot):
        words.append("hibtest.rootdm=1")
    words.extend(scenario.guest.append)
    # The last console is /dev/console: what the guest says to us must not go elsewhere.
    words.append("console=ttyS0")
    return " ".join(words)
