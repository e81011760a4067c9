"""A LUKS2 device, opened in early userspace."""

from functools import partial

from hibtest.cycle.storage.below import Below
from hibtest.cycle.storage.part import Part
from hibtest.image.luks import opened
from hibtest.spec import Crypt

_PASSPHRASE = "hibtest"  # noqa: S105 - it protects nothing, and is printed with the plan
_UUID = "68696274-6573-7400-0000-000000000002"


def crypt_part(layer: Crypt, below: Below, name: str) -> Part:
    """Return a part with an encrypted device upon it.

    As few rounds as there may be between passphrase and key: a guest is slow, and that is nothing
    a hibernation could do wrong.
    """
    options = (
        *("--type luks2", "--batch-mode", "--key-file -", f"--uuid {_UUID}"),
        *("--cipher aes-xts-plain64", "--key-size 512", f"--sector-size {layer.sector_size}"),
        *("--pbkdf pbkdf2", "--pbkdf-force-iterations 1000"),
    )
    says, top = f"printf {_PASSPHRASE} |", f"{name}-crypt"
    device = below.first.device
    steps = (
        "drivers dm-crypt crypto-xts crypto-ecb crypto-aes",
        f"{says} if_new cryptsetup luksFormat {' '.join(options)} {device}",
        f"{says} tool cryptsetup open --key-file - {device} {top}",
    )
    view = partial(opened, passphrase=_PASSPHRASE.encode())
    return below.first.on(*steps, device=f"/dev/mapper/{top}", views=(view,))
