"""What a kernel's configuration lacks, of what is asked of it."""

from dataclasses import dataclass

_STATES = {"n": "not set", "m": "a module", "gone": "a module that is not among those given"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something that a kernel lacks: :mod:`hibtest.spec.needs` has what there can be.

    :ivar option: Which option, such as ``CONFIG_VIRTIO_BLK``; some have an alternative.
    :ivar wanted: What it should be: ``y``, or ``y or m``.
    :ivar found: What it is: ``n``; ``m``; or ``gone``, a module whose file was not given.
    :ivar why: What does not work without it.
    :ivar always: Whether no guest works without it; else only some scenarios do not.
    """

    option: str
    wanted: str
    found: str
    why: str
    always: bool

    @property
    def state(self) -> str:
        """What the option is, in words: ``not set``."""
        return _STATES[self.found]

    @property
    def words(self) -> str:
        """All of it: ``CONFIG_FUSE_FS is not set (FUSE filesystems)``."""
        return f"{self.option} is {self.state} ({self.why})"
