"""Draws how long kernels took to take their other CPUs down and up, by their own stamps.

python docs/tools/cpu_times.py WHAT... >docs/cpus.svg    each a run's directory, or a kernel log
python docs/tools/cpu_times.py --table WHAT...           the same as rows of Markdown
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from jinja2 import Environment

from hibtest import story
from hibtest.evidence import Evidence, read_json
from hibtest.story.marked import Marked

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 640, 360, 70, 30, 20, 50
_COLOURS = {False: "#0b61a4", True: "#c4521b"}  # down, up
_STEPS = 5  # lines across
_VERSION = re.compile(r"Linux version (\S+)")
_TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{ width }} {{ height }}" \
font-family="sans-serif" font-size="13" fill="#444">
<title>Milliseconds to take the other CPUs down and up, by their number</title>
<rect width="{{ width }}" height="{{ height }}" fill="#fff"/>
{% for y, label in across -%}
<line x1="{{ left }}" x2="{{ width - right }}" y1="{{ y }}" y2="{{ y }}" stroke="#ddd"/>
<text x="{{ left - 8 }}" y="{{ y + 4 }}" text-anchor="end">{{ label }}</text>
{% endfor -%}
{% for x, label in along -%}
<text x="{{ x }}" y="{{ height - 28 }}" text-anchor="middle">{{ label }}</text>
{% endfor -%}
<text x="{{ left }}" y="18">milliseconds</text>
<text x="{{ width - right }}" y="{{ height - 8 }}" text-anchor="end">CPUs besides the first</text>
{% for x, y, colour, words in points -%}
<circle cx="{{ x }}" cy="{{ y }}" r="4" fill="{{ colour }}" fill-opacity="0.6">\
<title>{{ words }}</title></circle>
{% endfor -%}
<circle cx="{{ left + 130 }}" cy="14" r="4" fill="{{ down }}"/>
<text x="{{ left + 140 }}" y="18">down</text>
<circle cx="{{ left + 200 }}" cy="14" r="4" fill="{{ up }}"/>
<text x="{{ left + 210 }}" y="18">up</text>
</svg>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One time that the other CPUs were taken down, or up."""

    up: bool
    cpus: int
    milliseconds: float
    kernel: str
    where: str

    @property
    def words(self) -> str:
        """All of it."""
        way = "up" if self.up else "down"
        return f"{self.kernel}, {self.where}: {self.cpus} {way} in {self.milliseconds} ms"


def points(sources: Iterable[Path]) -> Iterator[Point]:
    """Yield the points of runs and of logs."""
    for source in sources:
        yield from _of_run(source) if source.is_dir() else _of_log(source)


def _of_run(run: Path) -> Iterator[Point]:
    evidence = read_json(run / "evidence.json", Evidence)
    release = evidence.kernel.release if evidence.kernel else "?"
    for boot in evidence.boots:
        yield from _of_marks(boot.marks, release, f"{boot.directory} boot")


def _of_log(path: Path) -> Iterator[Point]:
    text = path.read_text(errors="replace")
    release = _VERSION.search(text)
    yield from _of_marks(story.read(text.splitlines()).marks, release[1] if release else "?", "log")


def _of_marks(marks: Sequence[Marked], release: str, where: str) -> Iterator[Point]:
    for one in story.switches(marks):
        yield Point(
            up=one.up,
            cpus=len(one.cpus),
            milliseconds=one.milliseconds,
            kernel=release,
            where=where,
        )


def picture(found: list[Point]) -> str:
    """Return them as SVG."""
    most, longest = max(one.cpus for one in found), max(one.milliseconds for one in found)

    def x(cpus: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * cpus / (most + 0.5), 1)

    def y(milliseconds: float) -> float:
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * milliseconds / longest, 1)

    levels = [longest * step / _STEPS for step in range(_STEPS + 1)]
    return (
        Environment(autoescape=True, keep_trailing_newline=True)
        .from_string(_TEMPLATE)
        .render(
            width=_WIDTH,
            height=_HEIGHT,
            left=_LEFT,
            right=_RIGHT,
            across=[(y(level), f"{level:.0f}") for level in levels],
            along=[(x(cpus), cpus) for cpus in sorted({one.cpus for one in found})],
            points=[
                (x(one.cpus), y(one.milliseconds), _COLOURS[one.up], one.words) for one in found
            ],
            down=_COLOURS[False],
            up=_COLOURS[True],
        )
    )


def rows(found: list[Point]) -> Iterator[str]:
    """Yield a row for each kernel and number of CPUs: medians, and of how many."""
    by: dict[tuple[str, int], dict[bool, list[float]]] = defaultdict(lambda: {True: [], False: []})
    for one in found:
        by[one.kernel, one.cpus][one.up].append(one.milliseconds)
    yield "| kernel | other CPUs | down, ms | up, ms |"
    yield "|---|---|---|---|"
    for (kernel, cpus), ways in sorted(by.items()):
        yield f"| {kernel} | {cpus} | {_median(ways[False])} | {_median(ways[True])} |"


def _median(times: list[float]) -> str:
    return f"{median(times):.0f} (of {len(times)})" if times else "–"


def main(words: list[str]) -> int:
    """Print the picture or the table; return the exit status."""
    table = "--table" in words
    found = list(points(Path(word) for word in words if word != "--table"))
    if not found:
        print("nothing in which other CPUs were taken down or up", file=sys.stderr)
        return 1
    print("\n".join(rows(found)) if table else picture(found), end="\n" if table else "")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
