"""What somebody may have meant by a word that is none."""

from collections.abc import Collection
from difflib import get_close_matches


def hint(word: str, known: Collection[str], otherwise: str) -> str:
    """Return "did you mean ...?" with the words that are like one, or another hint.

    >>> hint("vcpu", ["vcpus", "memory"], "")
    'did you mean vcpus?'
    """
    close = get_close_matches(word, known, n=3, cutoff=0.6)
    close += sorted(one for one in known if word and word in one and one not in close)[:3]
    return f"did you mean {' or '.join(close[:3])}?" if close else otherwise
