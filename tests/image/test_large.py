"""Memory does not grow with an image: one of 80 GiB takes under 100 MB.

All of its map and its PFNs are read, and some of its data, which are read piece by piece.
"""

import subprocess
import sys
from pathlib import Path

from tests.image.large import large

PAGES = 80 << 18
MOST = 100_000  # kB, the interpreter and its libraries with them
READ = """
import sys
from itertools import islice
from pathlib import Path
from hibtest.image.reader import open_image

with open_image(Path(sys.argv[1])) as image:
    assert image.counts.data == int(sys.argv[2])
    assert image.swap_map.count > image.counts.data
    for chunk in islice(image.chunks(), 200):
        assert len(chunk.pfns) == len(chunk.data)
    assert chunk.pfns[-1] == 3 * (200 * 512 - 1 - image.info.meta_pages % 512)
for line in Path("/proc/self/status").read_text().splitlines():
    if line.startswith("VmHWM"):
        print(line.split()[1])
"""


def test_memory_is_bounded(tmp_path: Path) -> None:
    disk = large(tmp_path / "disk", PAGES, stride=2)
    argv = [sys.executable, "-c", READ, str(disk), str(PAGES)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MOST
