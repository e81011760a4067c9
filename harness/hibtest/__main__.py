"""``python -m hibtest``: the command line."""

import sys

from hibtest.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
