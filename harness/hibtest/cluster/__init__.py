"""Runs on many hosts, by a Dask cluster (docs/cluster.md).

A job travels as a value (:mod:`order`), guest disks by the keys of their artifacts
(:mod:`stock`, :mod:`fetch`), and runs come back whole (:mod:`pieces`, :mod:`landing`). A worker
has seats (:mod:`node`, :mod:`site`) and does what is ordered (:mod:`work`); who orders knows the
workers together (:mod:`joined`), and has them make runs as a pool of local workers would
(:mod:`away`).

``distributed`` is an extra. Modules that import it are imported after :func:`require_extra`.
"""

from importlib.util import find_spec

from hibtest.errors import HostError

EXTRA = "pip install 'hibtest[cluster]'"


def require_extra() -> None:
    """Check that there is what runs on other hosts take.

    :raise HostError: When it is not installed.
    """
    if find_spec("distributed") is None:
        raise HostError("a cluster takes the Python package distributed", hint=EXTRA)
