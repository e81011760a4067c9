"""A logical volume of LVM2."""

from dataclasses import replace
from functools import partial

from hibtest.cycle.storage.part import Part
from hibtest.image.lvm import volume

_NAME = "lv"
_NO_UDEV = "--zero n --wipesignatures n"  # lvm would look for a link that udev makes


def volume_part(below: Part, name: str) -> Part:
    """Return a part with a volume group upon it, and all of that one logical volume."""
    group = f"vg{name}"
    steps = (
        "drivers dm-mod",
        f"if_new lvm pvcreate {below.device}",
        f"if_new lvm vgcreate {group} {below.device}",
        f"if_new lvm lvcreate {_NO_UDEV} --extents 100%FREE --name {_NAME} {group}",
        f"tool lvm vgchange --activate y {group}",
    )
    return replace(
        below,
        early=(*below.early, *steps),
        device=f"/dev/mapper/{group}-{_NAME}",  # lvm doubles dashes inside of names: there are none
        views=(*below.views, partial(volume, group=group, name=_NAME)),
    )
