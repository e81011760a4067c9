"""Rules on the swap, which a hibernation borrows: its first page, and that it can be used."""

from itertools import pairwise

from hibtest.evidence import Boot, Evidence, SwapHeader
from hibtest.spec import Flip, Role, Scenario
from hibtest.verdict.finding import Finding, Rule, console, corrupt

_UNUSED = {"swapon-failed", "no-swap-signature"}


def _first_page(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    """The swap's first page is what it was, but for the fields that swsusp keeps there.

    What a boot in between, or a bit that was flipped, has made of it is nobody's fault.
    """
    before: SwapHeader | None = None
    for boot in evidence.boots:
        if _others_wrote(boot):
            return None
        before = boot.header_before if boot.role is Role.SAVE else before
        agents = boot.agent_image is not None and boot.agent_image.armed
        under_way = boot.exit is None
        wrong = _wrong_with(before, boot.header) if before and not (agents or under_way) else ""
        if wrong:
            fields = ("boots[*].header_before", "boots[*].header")
            return corrupt("swap-header", boot, wrong, *fields)
    return None


def _others_wrote(boot: Boot) -> bool:
    return boot.role is Role.RESCUE or any(isinstance(one.fault.what, Flip) for one in boot.struck)


def _wrong_with(before: SwapHeader, after: SwapHeader | None) -> str:
    """Return what of a swap's first page is not given back, or not kept while an image is there."""
    if after is None:
        return "the swap's first page cannot be read any more"
    if before.armed:
        return ""  # it was another image's
    kept, where = (after.orig_sig, " in orig_sig") if after.armed else (after.sig, "")
    if kept != before.sig:
        return f"the swap's signature{where} is {kept!r}, was {before.sig!r} before the hibernation"
    if after.rest != before.rest:
        return "the swap's first page is not what it was before the hibernation"
    return ""


def _switched_on(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    """A swap on which no image waits can be switched on in the next boot, if nobody else wrote."""
    for before, boot in pairwise(evidence.boots):
        if _others_wrote(before):
            return None
        lines = [mark.line for mark in boot.marks if mark.name in _UNUSED]
        if lines and boot.ready and before.header and not before.armed:
            reason = f"the swap cannot be switched on: {lines[0]}"
            return corrupt("swap-header", boot, reason, console(boot), "boots[*].header")
    return None


SWAP_RULES: tuple[Rule, ...] = (_first_page, _switched_on)
