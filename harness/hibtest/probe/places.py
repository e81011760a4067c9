"""Where things of the running kernel lie, for the harness: it looks at memory from outside."""

from __future__ import annotations

import re

from hibtest.probe import procfs
from hibtest.probe.audit.symbols import Symbol
from hibtest.probe.base import Facts

# Where the snapshot is taken, and how its memory is read (kernel/power/snapshot.c and
# arch/x86, 6.1 to 7.3).
NEEDED = (
    "swsusp_save",
    "page_offset_base",
    "vmemmap_base",
    "phys_base",
    "log_buf",
    "log_buf_len",
    "forbidden_pages_map",
    "free_pages_map",
    "orig_bm",
    "__per_cpu_offset",
    "__nosave_begin",
    "__nosave_end",
    "in_suspend",
    "image_size",
    "init_task",
    "freezer_active",
    "__start_BTF",
    "__stop_BTF",
    "_text",
    "_etext",
    "_sdata",
    "_edata",
    "__bss_start",
    "_end",
)
# What swsusp_save() itself still writes on once it has copied memory: its own variables, and
# those of the line that it prints (kernel/printk, drivers/tty/serial/8250; a paravirtual clock
# is written by the host at any time).
WRITTEN = (
    "orig_bm",
    "copy_bm",
    "zero_bm",
    "nr_copy_pages",
    "nr_meta_pages",
    "nr_zero_pages",
    "printk_rb_static",
    "printk_rb_dynamic",
    "_printk_rb_static_descs",
    "_printk_rb_static_infos",
    "__log_buf",
    r"text\.[0-9]+",
    "printk_shared_pbufs",
    "console_seq",
    "univ8250_console",
    "hv_clock_boot",
)
# The same, of the CPU that saves.
WRITTEN_PER_CPU = ("console_srcu_srcu_data", "steal_time", "apf_reason")
NAMES = tuple(dict.fromkeys((*NEEDED, *WRITTEN, *WRITTEN_PER_CPU)))


def places(table: list[Symbol]) -> Facts:
    """Return where all that is in a table lies, and which memory is the kernel's.

    ``{"symbols": {name: [[first, end]]}, "system_ram": [[first, last]]}``, virtual addresses and
    physical ones.
    """
    found: dict[str, list[list[int]]] = {}
    for symbol in table:
        found.setdefault(symbol.name, []).append([symbol.first, symbol.end])
    return {"symbols": found, "system_ram": system_ram()}


def system_ram() -> list[list[int]]:
    """Return the first and last byte of each range that /proc/iomem calls System RAM."""
    pattern = r"^([0-9a-f]+)-([0-9a-f]+) : System RAM$"
    found = re.findall(pattern, procfs.read_or("/proc/iomem", ""), re.MULTILINE)
    return [[int(first, 16), int(last, 16)] for first, last in found]
