"""What the agent knows of the machine."""

from hibtest.agent import system

ZONES = """\
Node 0, zone      DMA
  pages free     3840
        spanned  4095
        present  3998
        managed  3840
Node 0, zone    DMA32
  pages free     80000
        present  126932
        managed  113000
      present  in a sentence
"""


def test_memory_that_is_there_counts_the_kernels_own() -> None:
    assert system.present_pages(ZONES) == 3998 + 126932


def test_memory_in_kib() -> None:
    text = "MemTotal:  469776 kB\nHugePages_Total:       0\n"
    assert system.memory_info(text) == {"MemTotal": 469776, "HugePages_Total": 0}


def test_this_machine_has_memory_and_needs_some() -> None:
    assert 0 < system.expected_pages() <= system.present_pages()
