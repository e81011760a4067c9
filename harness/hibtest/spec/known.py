"""A bug that some kernels are known to have: what a scenario comes to on them, and why."""

from dataclasses import dataclass

from hibtest.errors import SpecError
from hibtest.spec.outcome import Expected
from hibtest.spec.release import Release, release_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A bug of some kernels that a scenario meets.

    :ivar reason: The bug, in one line: what is wrong, and where that is told or mended.
    :ivar expected: What a run on one of these kernels comes to.
    :ivar since: The first release that has it, such as ``(6, 1)``; empty: all before ``before``.
    :ivar before: The first release that has it no more, such as ``(6, 2)`` or ``(6, 1, 200)``;
        empty: none is known.
    :raise SpecError: When no kernel can be meant, or no reason is given.
    """

    reason: str
    expected: Expected
    since: Release = ()
    before: Release = ()

    def __post_init__(self) -> None:
        if not self.reason.strip() or "\n" in self.reason:
            raise SpecError("a known bug without a reason", hint="say it in one line")
        if not (self.since or self.before):
            what = f"known bug {self.reason!r:.80}: of no kernels in particular"
            raise SpecError(
                what, hint="give since= or before=, such as (6, 1); or expect it of all"
            )
        if self.before and self.since >= self.before:
            what = f"known bug {self.reason!r:.80}: since {self.since} and before {self.before}"
            raise SpecError(what, hint="before= is the first release that has it no more")

    @property
    def words(self) -> str:
        """Return which kernels have it: ``6.1 and later, before 6.2``."""
        ends = ((self.since, "{} and later"), (self.before, "before {}"))
        return ", ".join(text.format(".".join(map(str, one))) for one, text in ends if one)

    def has(self, release: str) -> bool:
        """Return whether a kernel has it.

        :param release: As ``uname -r`` prints it. Debian's is that of its ABI: 6.1.192 is
            ``6.1.0-56-cloud-amd64`` there, so that only ``(6, 1)`` tells it.
        """
        numbers = release_of(release)
        late = self.before and numbers >= self.before
        return bool(numbers) and numbers >= self.since and not late
