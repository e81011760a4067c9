"""Pages of memory: what swap and the stream of a snapshot are counted in."""

PAGE = 4096  # bytes; PAGE_SIZE, arch/x86/include/asm/page_types.h, 6.1 to 7.3
