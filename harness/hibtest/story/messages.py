"""Marks: the lines of the kernel log that mean something, for 6.1, 6.12 and 7.3.

The only place that knows what the log has, with :mod:`~hibtest.story.tasks`,
:mod:`~hibtest.story.devices`, :mod:`~hibtest.story.cpus` and :mod:`~hibtest.story.refusals`;
:mod:`~hibtest.story.foretold` writes the same messages for an image that nobody has booted. Each
mark names the stage that begins with it, where one does. Texts are from
kernel/power/{hibernate,swap,snapshot,process}.c and kernel/cpu.c of Debian's 6.1.192, 6.12.117
and 7.3.4; tests/story/klog/ holds transcripts of real cycles of each that every pattern is tried
on.
"""

import re
from dataclasses import dataclass

from hibtest.spec import Stage
from hibtest.story import cpus, devices, refusals, tasks
from hibtest.story.pattern import Pattern, anew, line, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What came back of the order to hibernate: mode, errno (0: none), the guest's words."""

    mode: str
    errno: int
    text: str


# What the guest's own programs say (images/templates, hibtest/probe).
OURS = (
    line("early", r"^hibtest: early"),
    line(
        "resume-try",
        r"hibtest: resume (?P<device>\S+) (?P<dev>\d+:\d+) offset (?P<offset>\d{1,20})",
    ),
    anew("resume-back", r"^hibtest: resume came back", Stage.BOOT),
    line("noresume", r"^hibtest: noresume"),
    line("no-resume-device", r"^hibtest: no resume device (?P<device>.*)"),
    line("guest-failed", r"^hibtest: failed: (?P<text>.*)"),
    line(
        "swap-offset",
        r"^hibtest: swap offset (?P<pages>\d{1,12})(?!\d)( on (?P<device>\d{1,4}:\d{1,7})\b)?",
    ),
    line(
        "writes-to",
        r"hibtest: hibernate to (?P<device>\d{1,4}:\d{1,7}) offset (?P<pages>\d{1,12})(?!\d)"
        r" of ?(?P<swaps>.*)",
    ),
    line("swapon-failed", r"^hibtest: swapon (?P<device>\S+) failed"),
    line("waits", r"^hibtest: waits (?P<place>early|ready)"),
    line("ready", r"^hibtest: ready"),
    anew("begins", r"hibtest: hibernate agent begins", Stage.STOP),
    anew("begins", r"hibtest: hibernate (?P<mode>\S+) begins", Stage.FREEZE),
    line(
        "returned",
        r"hibtest: hibernate (?P<mode>\S+) returned (?P<errno>\d{1,6})(?!\d) ?(?P<text>.*)",
    ),
)

# What the agent says (hibtest/agent/log.py), in the order of its steps.
AGENT = (
    line("agent-stop", r'agent: \{"begin": "stop"', Stage.STOP),
    line("agent-sync", r'agent: \{"begin": "(needed|sync)"', Stage.QUIESCE),
    line("agent-freeze", r'agent: \{"begin": "freeze"', Stage.FREEZE),
    line("agent-snapshot", r'agent: \{"begin": "snapshot"', Stage.PREALLOCATE),
    line("agent-write", r'agent: \{"begin": "write"', Stage.WRITE),
    line("agent-power-off", r'agent: \{"begin": "power-off"', Stage.POWER_OFF),
    line("agent-load", r'agent: \{"begin": "load"', Stage.LOAD),
    line("agent-restore", r'agent: \{"say": "restore"', Stage.RESTORE),
    line("agent-resumed", r'agent: \{"begin": "resumed"', Stage.THAW),
    line("agent-no-image", r'agent: \{"say": "no image"'),
    line("agent-refused", r'agent: \{"say": "refused"'),
    line("progress", r'agent: \{"say": "progress".*"percent": (?P<percent>\d{1,3})\b'),
    line("agent", r'agent: \{"(begin|step|failed|say)": "'),
    line("agent-try", r"^hibtest: agent resume (?P<target>\S+)"),
    anew("agent-back", r"^hibtest: agent came back (?P<status>\d+)", Stage.BOOT),
)

# kernel/power/hibernate.c hibernate(), process.c, swap.c swsusp_write(), in their order.
SAVE = (
    anew("entry", r"PM: hibernation: hibernation entry", Stage.FREEZE),
    line("freeze-user", r"Freezing user space processes(?!.*(completed|failed|aborted))"),
    line("preallocate", r"PM: hibernation: Preallocating image memory", Stage.PREALLOCATE),
    line("freeze-kernel", r"Freezing remaining freezable tasks(?!.*(completed|failed|aborted))"),
    line("devices", r"Freezing remaining freezable tasks completed", Stage.DEVICES),
    line("vcpus", r"Disabling non-boot CPUs", Stage.VCPUS),
    *cpus.PATTERNS,
    # 7.3 prints it only with pm_debug_messages
    line("snapshot", r"PM: hibernation: Creating image", Stage.SNAPSHOT),
    line("created", r"PM: hibernation: Image created \((?P<pages>\d+) pages copied"),
    line(
        "write",
        r"PM: (Compressing and saving|Saving) image data( pages)? \((?P<pages>\d+) pages\)",
        Stage.WRITE,
    ),
    line("progress", r"PM: Image (saving|loading) progress: *(?P<percent>\d{1,3})%"),
    line("wrote", r"PM: hibernation: Wrote (?P<kbytes>\d+) kbytes"),
    line("saved", r"PM: Image saving done"),
    line("armed", r"PM: S\|", Stage.POWER_OFF),
    # hibernation_debug_sleep(): "hibernation debug" in 7.3
    line("rehearses", r"PM: hibernation: (hibernation )?debug: Waiting for \d+ second"),
    line("sleep-s3", r"ACPI: PM: Preparing to enter system sleep state S3", Stage.POWER_OFF),
    line("sleep-s4", r"ACPI: PM: Preparing to enter system sleep state S4"),
    line("sleep-s5", r"ACPI: PM: Preparing to enter system sleep state S5", Stage.POWER_OFF),
    line("power-down", r"reboot: Power down", Stage.POWER_OFF),
    line("restarts", r"reboot: Restarting system", Stage.POWER_OFF),
    line("exit", r"PM: hibernation: hibernation exit"),
    # read_swap_header(), mm/swapfile.c, 6.1 to 7.3, at a swapon
    line("no-swap-signature", r"Unable to find swap-space signature"),
)

# kernel/power/hibernate.c software_resume(), swap.c swsusp_read(), in their order.
RESUME = (
    line("resume", r"PM: hibernation: resume from hibernation", Stage.LOAD),
    line(
        "load",
        r"PM: Loading (and decompressing )?image data( pages)? \((?P<pages>\d+) pages\)",
        Stage.LOAD,
    ),
    line("loaded", r"PM: Image loading done", Stage.RESTORE),
    line("enable-vcpus", r"Enabling non-boot CPUs"),
    line("woke", r"ACPI: PM: Waking up from system sleep state S[34]"),
    line("thaw", r"Restarting tasks", Stage.THAW),
    line("no-image", r"PM: Image not found \(code (?P<errno>-?\d+)\)"),
    line("memory-map", r"Hibernate inconsistent memory map detected"),
    line("mismatch", r"Image mismatch: (?P<what>.*)"),
    # swsusp_check(), kernel/power/swap.c; the signature is given back before that
    line("hardware-signature", r"PM: Suspend image hardware signature mismatch"),
    line("bad-crc", r"PM: Invalid image CRC32"),
    line("bad-length", r"PM: Invalid \S+ (un)?compressed length"),
    line("bad-unit", r"PM: \S+ decompression failed"),
    line("load-failed", r"Failed to load image, recovering"),
    line("resume-failed", r"PM: hibernation: resume failed \((?P<errno>-?\d+)\)"),
)

# A kernel in trouble. PANIC ends a machine; SPLATS are judged, unless they are known harmless.
PANIC = line("panic", r"Kernel panic - not syncing: (?P<text>.*)")
SPLATS = (
    line("oops", r"(BUG: (unable to handle|kernel NULL)|Oops: |general protection fault)"),
    line("bug", r"kernel BUG at|BUG: (Bad|KASAN|KFENCE|KMSAN|sleeping|scheduling|spinlock)"),
    # "at FILE:LINE" up to 6.x, "FILE:LINE at" in 7.x
    line(
        "warning",
        r"WARNING: (CPU: \d+ PID|\S+\.[ch]:\d+|.* at \S+:\d+)|UBSAN: |refcount_t: |list_(add|del)",
    ),
    line("lockdep", r"(possible recursive locking|circular locking dependency|inconsistent lock)"),
    line("lockup", r"(soft lockup|hard LOCKUP|BUG: workqueue lockup|Watchdog detected)"),
    line("rcu-stall", r"rcu.*(detected (expedited )?stalls|self-detected stall)"),
    line("hung-task", r"INFO: task .* blocked for more than"),
    line("io-error", r"(EXT4-fs error|I/O error, dev|Buffer I/O error|XFS .*[Cc]orrupt|BTRFS err)"),
    cpus.LOST,
    line("segfault", r"\]: segfault at |traps: .* trap "),
)

# Splats that real, healthy kernels print, with the reason why they do not count.
HARMLESS: tuple[re.Pattern[str], ...] = ()

PATTERNS = (
    *OURS,
    *AGENT,
    *refusals.PATTERNS,
    *SAVE,
    *RESUME,
    PANIC,
    *devices.PATTERNS,
    *SPLATS,
    *tasks.PATTERNS,
)
SPLAT_NAMES = frozenset(pattern.name for pattern in (*devices.PATTERNS, *SPLATS))


def recognise(text: str) -> tuple[Pattern, re.Match[str]] | None:
    """Return the pattern that a console line matches, and its match, or ``None``.

    The first one in :data:`PATTERNS` wins; lines carry the printk time stamp or none.
    """
    text = plain(text)
    for pattern in PATTERNS:
        match = pattern.regex.search(text)
        if match and not any(harmless.search(text) for harmless in HARMLESS):
            return pattern, match
    return None


def swap_offset(text: str) -> int | None:
    """Return the page at which a swap file lies, as a guest tells it; ``None``: another line."""
    words = _words(text, "swap-offset")
    return int(words["pages"]) if words else None


def place(text: str) -> tuple[str, int, str] | None:
    """Return where a line says that an image is looked for, or lies; ``None``: it is another line.

    :return: ``MAJOR:MINOR`` of the device, empty when it is not told; the page there; which swaps
        there are.
    """
    found = recognise(text)
    if found is None:
        return None
    words = found[1].groupdict()
    match found[0].name:
        case "resume-try":
            return words["dev"], int(words["offset"]), ""
        case "swap-offset":
            return words["device"] or "", int(words["pages"]), ""
        case "writes-to":
            return words["device"], int(words["pages"]), words["swaps"]
        case _:
            return None


def percent(text: str) -> int | None:
    """Return how much of an image is written or loaded, as a line tells; ``None``: another line."""
    words = _words(text, "progress")
    return int(words["percent"]) if words else None


def returned(text: str) -> Returned | None:
    """Return what a line with the mark ``returned`` tells; ``None`` for another line."""
    words = _words(text, "returned")
    if words is None:
        return None
    return Returned(mode=words["mode"], errno=int(words["errno"]), text=words["text"].strip())


def _words(text: str, name: str) -> re.Match[str] | None:
    found = recognise(text)
    return found[1] if found and found[0].name == name else None
