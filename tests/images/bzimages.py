"""Made-up kernel files for tests."""

import struct
import zlib

VERSION = "6.12.0-test (root@builder) #1 SMP Mon Jan 1 00:00:00 UTC 2024"
SETUP_SECTORS = 2
CRC = 4
SETUP = (SETUP_SECTORS + 1) * 512


def make_bzimage(payload: bytes = b"payload", *, version: str = VERSION, gap: int = 32) -> bytes:
    """Return a file with a valid header, ``gap`` bytes of code then the payload and a CRC."""
    code = bytes(gap) + payload
    code += bytes(-(len(code) + CRC) % 16)
    head = bytearray(SETUP)
    head[0x1F1] = SETUP_SECTORS
    struct.pack_into("<I", head, 0x1F4, (len(code) + CRC) // 16)
    struct.pack_into("<H", head, 0x1FE, 0xAA55)
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x206, 0x020F)
    struct.pack_into("<H", head, 0x20E, 0x400 - 0x200)
    struct.pack_into("<H", head, 0x236, 0x7F)
    struct.pack_into("<II", head, 0x248, gap, len(payload))
    text = version.encode() + b"\0"
    head[0x400 : 0x400 + len(text)] = text
    return with_crc(bytes(head) + code)


def with_crc(data: bytes) -> bytes:
    """Return a file that ends with its CRC: Documentation/arch/x86/boot.rst (v6.12)."""
    return data + (zlib.crc32(data) ^ 0xFFFFFFFF).to_bytes(CRC, "little")
