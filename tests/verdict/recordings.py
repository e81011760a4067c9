"""Evidence of real runs, recorded: read and judged as it was, for as long as hibtest claims to.

``recorded/vVERSION-SCENARIO.evidence.json.xz`` is the evidence.json of a run in version VERSION
of its form, and ``.scenario.json.xz`` the scenario.json beside it. Nothing in them is of the
machine that they were made on: its reason to emulate was replaced by "asked for". They are never
changed; a form of another version gets recordings of its own.
"""

import lzma
import re
from pathlib import Path
from typing import NamedTuple

from hibtest.job import EVIDENCE

RECORDED = Path(__file__).parent / "recorded"
SCENARIO = "scenario.json"
_NAME = re.compile(r"v(\d+)-(.+)\.(evidence|scenario)\.json\.xz")


class Recording(NamedTuple):
    """A recorded run: the version of its evidence, and its scenario."""

    version: int
    scenario: str

    def content(self, what: str) -> bytes:
        """Return one of its files."""
        path = RECORDED / f"v{self.version}-{self.scenario}.{what.removesuffix('.json')}.json.xz"
        return lzma.decompress(path.read_bytes())

    def laid_out(self, directory: Path) -> Path:
        """Make it a run's directory, and return that."""
        directory.mkdir(parents=True, exist_ok=True)
        for what in (EVIDENCE, SCENARIO):
            (directory / what).write_bytes(self.content(what))
        return directory


def recordings() -> set[Recording]:
    """Return all that there are."""
    found = [_NAME.fullmatch(path.name) for path in RECORDED.iterdir()]
    return {Recording(int(match[1]), match[2]) for match in found if match}
