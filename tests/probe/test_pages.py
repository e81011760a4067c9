"""Pages whose content is known."""

from hibtest.probe import pages


def test_pages_differ_from_each_other() -> None:
    data = pages.content(15, seed=1)
    sums = set(pages.checksums(data))
    assert len(sums) == 15


def test_the_same_content_has_no_differences() -> None:
    data = pages.content(20, seed=1)
    found = pages.differences(data, pages.checksums(data))
    assert found["differing"] == 0
    assert found["named"] == []
    assert found["pages"] == 20


def test_a_changed_byte_names_its_page() -> None:
    data = bytearray(pages.content(20, seed=1))
    sums = pages.checksums(bytes(data))
    data[7 * pages.SIZE + 5] ^= 1
    found = pages.differences(bytes(data), sums)
    assert found["differing"] == 1
    assert found["named"][0][0] == 7


def test_lost_pages_are_differences() -> None:
    data = pages.content(20, seed=1)
    found = pages.differences(data[: 18 * pages.SIZE], pages.checksums(data))
    assert [number for number, _, _ in found["named"]] == [18, 19]


def test_a_region_of_another_seed_differs_everywhere_but_in_zero_pages() -> None:
    found = pages.differences(pages.content(16, 2), pages.checksums(pages.content(16, 1)))
    assert found["differing"] == 15


def test_a_region_is_the_same_piece_by_piece() -> None:
    pieces = [pages.content(7, 3, first) for first in range(0, 21, 7)]
    assert b"".join(pieces) == pages.content(21, 3)
