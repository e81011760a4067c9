"""What all tests start from."""

import signal


def pytest_configure() -> None:
    """Have Ctrl-C mean something to the programs that are started and interrupted here.

    A shell that runs us in the background has it ignored, and that is inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
