"""What a kernel that resumes from an image would say, without booting it.

The checks and their messages, in the kernel's order: kernel/power/hibernate.c, swap.c and
snapshot.c, arch/x86/power/hibernate.c of v6.1, v6.12 and v7.3. What is said here was seen on
guests whose images had been damaged on purpose, but where a reply is marked as not known.
"""

from dataclasses import dataclass, replace

KERNELS = ("6.1", "6.12", "7.3")
_OLD = "6.1"  # the one of them that knows neither zero flags nor LZ4

_ARCH = "PM: hibernation: Image mismatch: architecture specific data"
_PFN = "PM: hibernation: [Firmware Bug]: Memory map mismatch at 0x... after hibernation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a kernel's checks look at.

    :ivar armed: Whether the signature is S1SUSPEND.
    :ivar codec: ``lzo``, ``lz4`` or ``none``.
    :ivar zero_flags: Whether PFNs are flagged as zero pages.
    :ivar damaged: The field that is damaged, as in :class:`~hibtest.image.damage.Damaged`.
    :ivar crc_right: ``None``: it has none, or the pages could not all be read.
    :ivar e820_matches: Whether the memory map of the machine is the image's; ``None``: unknown.
    :ivar hw_sig: The FACS signature that the machine must have; ``None``: any.
    """

    armed: bool
    codec: str
    zero_flags: bool = False
    damaged: str = ""
    crc_right: bool | None = None
    e820_matches: bool | None = None
    hw_sig: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What comes of it.

    :ivar kernels: The kernels that reply so.
    :ivar result: ``resumes``, ``refuses`` or ``not known``.
    :ivar messages: Lines of the kernel's log, without those at debug level.
    :ivar errno: Negative, as the log has it; ``None``: none, or one of several.
    :ivar note: What else there is to know.
    """

    kernels: tuple[str, ...] = ()
    result: str = "refuses"
    messages: tuple[str, ...] = ()
    errno: int | None = None
    note: str = ""


def replies(facts: Facts) -> tuple[Reply, ...]:
    """Return the replies of all kernels, those that reply alike together."""
    found: dict[Reply, list[str]] = {}
    for kernel in KERNELS:
        found.setdefault(_reply(facts, old=kernel == _OLD), []).append(kernel)
    return tuple(replace(reply, kernels=tuple(names)) for reply, names in found.items())


def _reply(facts: Facts, *, old: bool) -> Reply:
    if not facts.armed:
        return Reply(messages=("PM: Image not found (code -22)",), errno=-22, note="at debug level")
    reply = _head(facts) or _stream(facts, old=old)
    if reply.result != "refuses":
        return reply
    failed = f"PM: hibernation: resume failed ({'N' if reply.errno is None else reply.errno})"
    end = ("PM: hibernation: Failed to load image, recovering.", failed)
    return replace(reply, messages=(*reply.messages, *end))


def _head(facts: Facts) -> Reply | None:
    """Return what is said of header and info page, ``None`` when they are well."""
    if facts.damaged == "image":
        return Reply(errno=-22)
    if facts.damaged == "magic":
        return Reply(messages=("Unrecognized hibernate image header format!", _ARCH), errno=-1)
    if facts.e820_matches is False:
        return Reply(messages=("Hibernate inconsistent memory map detected!", _ARCH), errno=-1)
    if facts.damaged in {"size", "image_pages", "pages"}:
        return Reply(result="not known", note="the counts of the info page are not checked")
    return None


def _stream(facts: Facts, *, old: bool) -> Reply:
    """Return what is said of the pages that follow."""
    name = "LZO" if old else facts.codec
    if old and facts.codec == "lz4":
        return _undone(name, old=old)
    if facts.damaged == "cmp_len":
        return Reply(messages=(f"PM: Invalid {name} compressed length",), errno=-1)
    if facts.damaged.endswith(" data"):
        return _undone(name, old=old)
    if facts.damaged == "unit size":
        message = f"PM: Invalid {name} uncompressed length"
        return Reply(messages=(message,), errno=-1, note="unless it is a multiple of 4096")
    if facts.damaged == "swap map":
        return _cut(facts.codec)
    if facts.damaged.startswith("pfn"):
        note = "if that page is not in the machine's memory; else not known"
        return Reply(messages=() if old else (_PFN,), errno=-14, note=note)
    if old and facts.zero_flags:
        return Reply(errno=-14, note="it takes the zero flags for part of the PFNs")
    if facts.crc_right is False:
        return Reply(messages=("PM: Invalid image CRC32!",), errno=-61)
    return _resumes(facts)


def _resumes(facts: Facts) -> Reply:
    conditions = ["as much memory"]
    if facts.e820_matches is None:
        conditions.insert(0, "the same memory map")
    if facts.hw_sig is not None:
        conditions.insert(0, f"FACS signature {facts.hw_sig:#010x}")
    return Reply(result="resumes", note=f"if the machine has {' and '.join(conditions)}")


def _undone(name: str, *, old: bool) -> Reply:
    message = f"PM: {name} decompression failed"
    if old:
        return Reply(messages=(message,), note="N is the code of its decoder, -4 to -8")
    return Reply(messages=(message,), errno=-22)


def _cut(codec: str) -> Reply:
    if codec == "none":
        return Reply(errno=-14, note="if the map ends early; a chain that loops is followed")
    note = "if the map ends early, or -14 or -61, by where it ends; a chain that loops is followed"
    return Reply(errno=-1, note=note)
