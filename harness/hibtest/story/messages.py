"""Marks: the lines of the kernel log that mean something, for 6.1, 6.12 and 7.3.

The only place that knows what the log has; :mod:`~hibtest.story.foretold` writes the same
messages for an image that nobody has booted. Each mark names the stage that begins with it,
where one does. Texts are from kernel/power/{hibernate,swap,snapshot,process}.c and
kernel/cpu.c of Debian's 6.1.192, 6.12.117 and 7.3.4; tests/story/klog/ holds transcripts of
real cycles of each that every pattern is tried on.
"""

import re
from dataclasses import dataclass

from hibtest.spec import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A line to look for.

    :ivar name: The mark's name.
    :ivar regex: Searched for in the line.
    :ivar stage: The stage that begins with this line, if one does.
    :ivar anew: Whether it does so in whichever stage the log was before.
    """

    name: str
    regex: re.Pattern[str]
    stage: Stage | None = None
    anew: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What came back of the order to hibernate: mode, errno (0: none), the guest's words."""

    mode: str
    errno: int
    text: str


def _line(name: str, regex: str, stage: Stage | None = None) -> Pattern:
    return Pattern(name=name, regex=re.compile(regex), stage=stage)


def _anew(name: str, regex: str, stage: Stage) -> Pattern:
    """Return a line with which a hibernation begins, or a boot that had tried to resume."""
    return Pattern(name=name, regex=re.compile(regex), stage=stage, anew=True)


# What the guest's own programs say (images/templates, hibtest/probe).
OURS = (
    _line("early", r"^hibtest: early"),
    _line("resume-try", r"hibtest: resume (?P<device>\S+) (?P<dev>\d+:\d+) offset (?P<offset>\d+)"),
    _anew("resume-back", r"^hibtest: resume came back", Stage.BOOT),
    _line("noresume", r"^hibtest: noresume"),
    _line("no-resume-device", r"^hibtest: no resume device (?P<device>.*)"),
    _line("guest-failed", r"^hibtest: failed: (?P<text>.*)"),
    _line("swap-offset", r"^hibtest: swap offset (?P<pages>\d{1,12})(?!\d)"),
    _line("swapon-failed", r"^hibtest: swapon (?P<device>\S+) failed"),
    _line("ready", r"^hibtest: ready"),
    _anew("begins", r"hibtest: hibernate agent begins", Stage.STOP),
    _anew("begins", r"hibtest: hibernate (?P<mode>\S+) begins", Stage.FREEZE),
    _line(
        "returned",
        r"hibtest: hibernate (?P<mode>\S+) returned (?P<errno>\d{1,6})(?!\d) ?(?P<text>.*)",
    ),
)

# What the agent says (hibtest/agent/log.py), in the order of its steps.
AGENT = (
    _line("agent-stop", r'agent: \{"begin": "stop"', Stage.STOP),
    _line("agent-sync", r'agent: \{"begin": "(needed|sync)"', Stage.QUIESCE),
    _line("agent-freeze", r'agent: \{"begin": "freeze"', Stage.FREEZE),
    _line("agent-snapshot", r'agent: \{"begin": "snapshot"', Stage.PREALLOCATE),
    _line("agent-write", r'agent: \{"begin": "write"', Stage.WRITE),
    _line("agent-power-off", r'agent: \{"begin": "power-off"', Stage.POWER_OFF),
    _line("agent-load", r'agent: \{"begin": "load"', Stage.LOAD),
    _line("agent-restore", r'agent: \{"say": "restore"', Stage.RESTORE),
    _line("agent-resumed", r'agent: \{"begin": "resumed"', Stage.THAW),
    _line("agent-no-image", r'agent: \{"say": "no image"'),
    _line("agent-refused", r'agent: \{"say": "refused"'),
    _line("progress", r'agent: \{"say": "progress".*"percent": (?P<percent>\d{1,3})\b'),
    _line("agent", r'agent: \{"(begin|step|failed|say)": "'),
    _line("agent-try", r"^hibtest: agent resume (?P<target>\S+)"),
    _anew("agent-back", r"^hibtest: agent came back (?P<status>\d+)", Stage.BOOT),
)

# kernel/power/hibernate.c hibernate(), process.c, swap.c swsusp_write(), in their order.
SAVE = (
    _anew("entry", r"PM: hibernation: hibernation entry", Stage.FREEZE),
    _line("freeze-user", r"Freezing user space processes(?!.*(completed|failed|aborted))"),
    # 6.1 "Freezing of tasks failed after"; 6.12 and 7.3 name which tasks
    _line(
        "freeze-failed",
        r"Freezing (of tasks|user space processes|remaining freezable tasks) (failed|aborted)",
    ),
    _line("preallocate", r"PM: hibernation: Preallocating image memory", Stage.PREALLOCATE),
    _line("freeze-kernel", r"Freezing remaining freezable tasks(?!.*(completed|failed|aborted))"),
    _line("devices", r"Freezing remaining freezable tasks completed", Stage.DEVICES),
    _line("vcpus", r"Disabling non-boot CPUs", Stage.VCPUS),
    # 7.3 prints it only with pm_debug_messages
    _line("snapshot", r"PM: hibernation: Creating image", Stage.SNAPSHOT),
    _line("created", r"PM: hibernation: Image created \((?P<pages>\d+) pages copied"),
    _line(
        "write",
        r"PM: (Compressing and saving|Saving) image data( pages)? \((?P<pages>\d+) pages\)",
        Stage.WRITE,
    ),
    _line("progress", r"PM: Image (saving|loading) progress: *(?P<percent>\d{1,3})%"),
    _line("wrote", r"PM: hibernation: Wrote (?P<kbytes>\d+) kbytes"),
    _line("saved", r"PM: Image saving done"),
    _line("armed", r"PM: S\|", Stage.POWER_OFF),
    _line("sleep-s4", r"ACPI: PM: Preparing to enter system sleep state S4"),
    _line("sleep-s5", r"ACPI: PM: Preparing to enter system sleep state S5", Stage.POWER_OFF),
    _line("power-down", r"reboot: Power down", Stage.POWER_OFF),
    _line("exit", r"PM: hibernation: hibernation exit"),
    # read_swap_header(), mm/swapfile.c, 6.1 to 7.3, at a swapon
    _line("no-swap-signature", r"Unable to find swap-space signature"),
)

# kernel/power/hibernate.c software_resume(), swap.c swsusp_read(), in their order.
RESUME = (
    _line("resume", r"PM: hibernation: resume from hibernation", Stage.LOAD),
    _line(
        "load",
        r"PM: Loading (and decompressing )?image data( pages)? \((?P<pages>\d+) pages\)",
        Stage.LOAD,
    ),
    _line("loaded", r"PM: Image loading done", Stage.RESTORE),
    _line("enable-vcpus", r"Enabling non-boot CPUs"),
    _line("woke", r"ACPI: PM: Waking up from system sleep state S4"),
    _line("thaw", r"Restarting tasks", Stage.THAW),
    _line("no-image", r"PM: Image not found \(code (?P<errno>-?\d+)\)"),
    _line("memory-map", r"Hibernate inconsistent memory map detected"),
    _line("mismatch", r"Image mismatch: (?P<what>.*)"),
    _line("bad-crc", r"PM: Invalid image CRC32"),
    _line("bad-length", r"PM: Invalid \S+ compressed length"),
    _line("bad-unit", r"PM: \S+ decompression failed"),
    _line("load-failed", r"Failed to load image, recovering"),
    _line("resume-failed", r"PM: hibernation: resume failed \((?P<errno>-?\d+)\)"),
)

# A kernel in trouble. PANIC ends a machine; SPLATS are judged, unless they are known harmless.
PANIC = _line("panic", r"Kernel panic - not syncing: (?P<text>.*)")
SPLATS = (
    _line("oops", r"(BUG: (unable to handle|kernel NULL)|Oops: |general protection fault)"),
    _line("bug", r"kernel BUG at|BUG: (Bad|KASAN|KFENCE|KMSAN|sleeping|scheduling|spinlock)"),
    # "at FILE:LINE" up to 6.x, "FILE:LINE at" in 7.x
    _line(
        "warning",
        r"WARNING: (CPU: \d+ PID|\S+\.[ch]:\d+|.* at \S+:\d+)|UBSAN: |refcount_t: |list_(add|del)",
    ),
    _line("lockdep", r"(possible recursive locking|circular locking dependency|inconsistent lock)"),
    _line("lockup", r"(soft lockup|hard LOCKUP|BUG: workqueue lockup|Watchdog detected)"),
    _line("rcu-stall", r"rcu.*(detected (expedited )?stalls|self-detected stall)"),
    _line("hung-task", r"INFO: task .* blocked for more than"),
    _line(
        "io-error", r"(EXT4-fs error|I/O error, dev|Buffer I/O error|XFS .*[Cc]orrupt|BTRFS err)"
    ),
    _line("cpu-lost", r"Error taking CPU\d+ (up|down): -\d+|do_boot_cpu failed"),
    _line("device-failed", r"PM: (failed to|device .* failed to) (\S+ )*(freeze|restore|thaw)"),
    _line("segfault", r"\]: segfault at |traps: .* trap "),
)

# Splats that real, healthy kernels print, with the reason why they do not count.
HARMLESS: tuple[re.Pattern[str], ...] = ()

PATTERNS = (*OURS, *AGENT, *SAVE, *RESUME, PANIC, *SPLATS)
SPLAT_NAMES = frozenset(pattern.name for pattern in SPLATS)


def recognise(line: str) -> tuple[Pattern, re.Match[str]] | None:
    """Return the pattern that a console line matches, and its match, or ``None``.

    The first one in :data:`PATTERNS` wins; lines carry the printk time stamp or none.
    """
    text = _STAMP.sub("", line[:_LONGEST])
    for pattern in PATTERNS:
        match = pattern.regex.search(text)
        if match and not any(harmless.search(text) for harmless in HARMLESS):
            return pattern, match
    return None


def swap_offset(line: str) -> int | None:
    """Return the page at which a swap file lies, as a guest tells it; ``None``: another line."""
    words = _words(line, "swap-offset")
    return int(words["pages"]) if words else None


def percent(line: str) -> int | None:
    """Return how much of an image is written or loaded, as a line tells; ``None``: another line."""
    words = _words(line, "progress")
    return int(words["percent"]) if words else None


def returned(line: str) -> Returned | None:
    """Return what a line with the mark ``returned`` tells; ``None`` for another line."""
    words = _words(line, "returned")
    if words is None:
        return None
    return Returned(mode=words["mode"], errno=int(words["errno"]), text=words["text"].strip())


def _words(line: str, name: str) -> re.Match[str] | None:
    found = recognise(line)
    return found[1] if found and found[0].name == name else None


# The kernel prints no longer record (PRINTKRB_RECORD_MAX, kernel/printk/printk.c, 6.1 to 7.3); a
# guest may, and some patterns take time that grows with the square of the length.
_LONGEST = 4096
_STAMP = re.compile(r"^\[\s*\d+\.\d+\](\[[^\]]*\])? ?")
