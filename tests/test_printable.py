"""Nothing that a terminal acts upon gets through."""

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hibtest.printable import printable, printable_json, printable_lines

# What a terminal or a reader's eye is moved by: general categories of Unicode.
HARMFUL = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain – text é", "plain – text é"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\x00b\tc\rd\ne\x7f", r"a\x00b\x09c\x0dd\x0ae\x7f"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("\u2028\u2066\u200b", r"\u2028\u2066\u200b"),
        ("\udc9b", r"\udc9b"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_it_is_written_out(raw: str, shown: str) -> None:
    assert printable(raw) == shown


def test_no_code_point_that_does_harm_is_left() -> None:
    shown = printable("".join(map(chr, range(sys.maxunicode + 1))))
    assert not [char for char in shown if unicodedata.category(char) in HARMFUL]
    assert shown.encode()  # no lone surrogate


@given(st.text())
def test_lines_stay_lines(text: str) -> None:
    assert printable_lines(text).split("\n") == [printable(line) for line in text.split("\n")]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_means_the_same(text: str) -> None:
    shown = printable_json(json.dumps({text: [text]}, ensure_ascii=False))
    assert shown.isprintable()
    assert json.loads(shown) == {text: [text]}
