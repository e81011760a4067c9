"""A logical volume of LVM2."""

from functools import partial

from hibtest.cycle.storage.below import Below
from hibtest.cycle.storage.part import Part
from hibtest.image.lvm import volume
from hibtest.spec import Volume

_NAME = "lv"
_NO_UDEV = "--zero n --wipesignatures n"  # lvm would look for a link that udev makes


def volume_part(_: Volume, below: Below, name: str) -> Part:
    """Return a part with a volume group upon it, and all of that one logical volume.

    LVM is told of one device alone: pool and disk below a thin one may have the same bytes.
    """
    group, device = f"vg{name}", below.first.device
    only = f"--devices {device}"
    steps = (
        "drivers dm-mod",
        f"if_new lvm pvcreate {only} {device}",
        f"if_new lvm vgcreate {only} {group} {device}",
        f"if_new lvm lvcreate {only} {_NO_UDEV} --extents 100%FREE --name {_NAME} {group}",
        f"tool lvm vgchange {only} --activate y {group}",
    )
    return below.first.on(
        *steps,
        device=f"/dev/mapper/{group}-{_NAME}",  # lvm doubles dashes inside of names: there are none
        views=(partial(volume, group=group, name=_NAME),),
    )
