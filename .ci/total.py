"""Print one line in the form of pytest's own for all JUnit files of a directory.

usage: total.py STATUS DIRECTORY

STATUS is the exit status of the run; a step that failed and writes no such file (a linter)
counts as one more failure.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree  # our own pytest wrote the files

# JUnit's words and pytest's
WORDS = {"failures": "failed", "passed": "passed", "skipped": "skipped", "errors": "error"}


def main(status: int, directory: Path) -> None:
    """Read the files and print the line."""
    counts = dict.fromkeys(WORDS, 0)
    seconds = 0.0
    for path in sorted(directory.glob("*.xml")):
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):  # noqa: S314
            bad = {word: int(suite.get(word, 0)) for word in ("failures", "errors", "skipped")}
            for word, number in bad.items():
                counts[word] += number
            counts["passed"] += int(suite.get("tests", 0)) - sum(bad.values())
            seconds += float(suite.get("time", 0))
    if status and not counts["failures"] + counts["errors"]:
        counts["failures"] = 1
    found = ", ".join(f"{counts[word]} {said}" for word, said in WORDS.items() if counts[word])
    print(f"{' ' + (found or 'no tests ran') + f' in {seconds:.2f}s ':=^80}")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
