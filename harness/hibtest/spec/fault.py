"""What is made to go wrong outside the guest's kernel: when, and what.

One small frozen class for each moment and for each thing; hibtest/cycle/faults has what they mean.

:ivar words: What ``hibtest plan`` says of it.
"""

import msgspec

from hibtest.errors import SpecError
from hibtest.spec.outcome import Stage

_RESUMING = (Stage.LOAD, Stage.RESTORE, Stage.THAW, Stage.WITNESS)


class Always(msgspec.Struct, frozen=True, kw_only=True, tag="always"):
    """In every boot, from its start to its end."""

    words = "in every boot"


class _Moment(msgspec.Struct, frozen=True, kw_only=True):
    boot: str = ""

    @property
    def where(self) -> str:
        """The boot in which it comes, named or not."""
        return self.boot or "save"


class _Staged(_Moment, frozen=True, kw_only=True):
    stage: Stage

    @property
    def where(self) -> str:
        return self.boot or ("resume" if self.stage in _RESUMING else "save")


class AtStage(_Staged, frozen=True, kw_only=True, tag="at-stage"):
    """As soon as a stage begins.

    :ivar boot: Name of the boot, as ``hibtest plan`` prints it; by default ``save``, or ``resume``
        for a stage that a boot comes to by resuming.
    """

    @property
    def words(self) -> str:
        return f"at {self.stage} of the {self.where} boot"


class AtPercent(_Staged, frozen=True, kw_only=True, tag="at-percent"):
    """When the kernel, or the agent, tells that so much of the image is written or loaded, or more.

    The kernel tells each tenth (``m = nr_to_write / 10`` in save_image(), kernel/power/swap.c, 6.1
    to 7.3), the agent each twentieth.

    :ivar percent: 1 to 100.
    :ivar stage: WRITE or LOAD.
    :ivar boot: See :class:`AtStage`.
    """

    percent: int
    stage: Stage = Stage.WRITE

    def __post_init__(self) -> None:
        if self.stage not in {Stage.WRITE, Stage.LOAD}:
            raise SpecError(f"{self.stage} has no percents", hint="WRITE and LOAD have")
        if self.percent not in range(1, 101):
            raise SpecError(f"{self.percent} % of an image never come", hint="1 to 100 do")

    @property
    def words(self) -> str:
        return f"at {self.percent} % of {self.stage} in the {self.where} boot"


class AtMark(_Moment, frozen=True, kw_only=True, tag="at-mark"):
    """When the console has a line that means something.

    :ivar name: Which mark: one of hibtest/story/messages.py.
    :ivar boot: See :class:`AtStage`.
    """

    name: str

    @property
    def words(self) -> str:
        return f"at the mark {self.name} of the {self.where} boot"


def _require_place(number: int) -> None:
    if number < 0:
        raise SpecError(f"no disk has a place {number}", hint="0 or more")


class AtWrite(_Moment, frozen=True, kw_only=True, tag="at-write"):
    """When the guest writes to a place of a disk; the machine stands still before it is written.

    :ivar serial: Which disk; a raw one.
    :ivar byte: Where on it. At 0 of a swap is the signature; the kernel writes the last page of
        the image's map after it (swap_writer_finish(), kernel/power/swap.c, 6.1 to 7.3).
    :ivar done: Whether that write is still carried out: the machine stands still before the next
        one to that disk.
    :ivar boot: See :class:`AtStage`.
    """

    serial: str
    byte: int = 0
    done: bool = False

    def __post_init__(self) -> None:
        _require_place(self.byte)

    @property
    def words(self) -> str:
        when = "after" if self.done else "before"
        return f"{when} the {self.where} boot writes byte {self.byte} of {self.serial}"


class AtRest(_Moment, frozen=True, kw_only=True, tag="at-rest"):
    """Once the machine has powered itself off, before anybody looks at its disks.

    :ivar boot: After which boot.
    """

    @property
    def words(self) -> str:
        return f"after the {self.where} boot"


class CutPower(msgspec.Struct, frozen=True, kw_only=True, tag="cut-power"):
    """Cut the power. What the disks had taken stays."""

    words = "cut the power"


class FailIo(msgspec.Struct, frozen=True, kw_only=True, tag="fail-io"):
    """Have writes to one place of a disk fail with EIO.

    :ivar serial: Which disk; a raw one.
    :ivar at_mib: Where on it, in MiB from its start.
    """

    serial: str
    at_mib: int

    def __post_init__(self) -> None:
        _require_place(self.at_mib)

    @property
    def words(self) -> str:
        return f"fail writes to MiB {self.at_mib} of {self.serial}"


class Flip(msgspec.Struct, frozen=True, kw_only=True, tag="flip"):
    """Flip a bit of a disk.

    :ivar serial: Which disk; a raw one.
    :ivar byte: Where on it.
    :ivar bit: 0 to 7.
    """

    serial: str
    byte: int
    bit: int = 0

    def __post_init__(self) -> None:
        _require_place(self.byte)
        if self.bit not in range(8):
            raise SpecError(f"bit {self.bit} of a byte is no bit", hint="0 to 7")

    @property
    def words(self) -> str:
        return f"flip bit {self.bit} of byte {self.byte} of {self.serial}"


class FlipData(msgspec.Struct, frozen=True, kw_only=True, tag="flip-data"):
    """Flip a bit of a page that the kernel's image holds, so that it decompresses as before.

    Nothing but the image's checksum tells.

    :ivar serial: Which disk: a raw one with the image of the kernel, and nothing else.
    """

    serial: str = "swap"

    @property
    def words(self) -> str:
        return f"flip a bit of a page in the image on {self.serial}"


class HangUp(msgspec.Struct, frozen=True, kw_only=True, tag="hang-up"):
    """Have the image server break off with all its clients, and go away."""

    words = "have the image server hang up"


Moment = AtStage | AtPercent | AtMark | AtWrite
When = Always | Moment | AtRest
What = CutPower | FailIo | Flip | FlipData | HangUp
_WHEN: dict[type[What], tuple[str, type | tuple[type, ...]]] = {
    CutPower: ("at a moment of a boot", (AtStage, AtPercent, AtMark, AtWrite)),
    HangUp: ("at a stage, percent or mark", (AtStage, AtPercent, AtMark)),
    FailIo: ("Always()", Always),
    Flip: ("AtRest()", AtRest),
    FlipData: ("AtRest()", AtRest),
}


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is made to go wrong at a moment; one that never comes makes the run INVALID.

    :raise SpecError: When it cannot strike then.
    """

    when: When
    what: What

    def __post_init__(self) -> None:
        name, moments = _WHEN[type(self.what)]
        if not isinstance(self.when, moments):
            what = f"{type(self.what).__name__} cannot strike {type(self.when).__name__}"
            raise SpecError(what, hint=f"it strikes {name}")

    @property
    def words(self) -> str:
        return f"{self.what.words} {self.when.words}"

    def strikes_in(self, boot: str) -> bool:
        """Return whether it strikes in a boot of this name."""
        return isinstance(self.when, Always) or self.when.where == boot
