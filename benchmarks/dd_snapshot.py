"""Runs in the guest: dd writes an image from /dev/snapshot to a disk, and is timed.

python3 dd_snapshot.py AGENT.PYZ DISK

dd has to read a page at a time (kernel/power/user.c), and writes 1 MiB at a time past the page
cache, as the agent does. It is started before the time counts, and waits.
"""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, sys.argv[1])
from hibtest.agent.device import SnapshotDevice
from hibtest.linux.pages import PAGE

with SnapshotDevice() as device:
    device.freeze()
    if device.create_image():
        pages = device.image_size() // PAGE
        began = time.monotonic()
        words = ("dd", f"ibs={PAGE}", "obs=1M", "oflag=direct", "conv=fsync", f"of={sys.argv[2]}")
        subprocess.run(words, stdin=device.fileno(), stderr=subprocess.DEVNULL, check=False)
        seconds = time.monotonic() - began
    device.free()
    device.unfreeze()
print(json.dumps({"seconds": seconds, "pages": pages}))
os.sync()
