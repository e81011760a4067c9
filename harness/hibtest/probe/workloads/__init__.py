"""What is set up in the guest before it is hibernated: disks that stand on processes, memory.

Each workload leaves daemons running. ``plant`` returns what was set up, ``check`` what is there
afterwards; both are facts, ``{"bytes", "crc", "server"}`` of the data and of the daemon.
"""
