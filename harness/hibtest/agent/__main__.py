"""``python3 agent.pyz``."""

import sys

from hibtest.agent.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
