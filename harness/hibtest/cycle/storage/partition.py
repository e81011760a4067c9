"""A partition with swap on it: made on the host, found by the host through its table."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from hibtest.cycle.storage.part import NewDisk, Part, by_serial
from hibtest.image.header import PAGE_SIZE
from hibtest.image.partition import within
from hibtest.machine.disk import sparse
from hibtest.programs import run
from hibtest.spec import GuestFiles, SwapPartition, Table

NUMBER = 2
_SECTOR = 512
_FIRST_MIB = 1  # that the table takes, and that the partition in front takes
# Fixed: two runs of one scenario start from the same bytes.
_UUID = "68696274-6573-7400-0000-000000000004"
_FRONT, _GUID = "68696274-6573-7400-0000-000000000005", "68696274-6573-7400-0000-000000000006"
_DISK = "0x68696274"
_SWAP = {Table.GPT: "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", Table.MBR: "82"}
_DATA = {Table.GPT: "0FC63DAF-8483-4772-8E79-3D69D8477DE4", Table.MBR: "83"}
_BACKUP_MIB = 1  # of a GPT, at the end
_LABEL = {Table.GPT: "gpt", Table.MBR: "dos"}


def partition_part(swap: SwapPartition, serial: str, tool: str) -> Part:
    """Return a disk with two partitions, of which the second comes to what is above.

    :param tool: The command of the host that puts that on a file named behind it.
    """
    file = f"{serial}.raw"

    def make(path: Path, _: GuestFiles) -> None:
        start = 2 * _FIRST_MIB
        disk = sparse(path, start + swap.size_mib + _BACKUP_MIB)
        run(["sfdisk", "--quiet", str(disk)], told=_script(swap))
        with TemporaryDirectory(dir=path.parent) as place:
            run([*tool.split(), str(sparse(Path(place) / "partition", swap.size_mib))])
            header = (Path(place) / "partition").read_bytes()[:PAGE_SIZE]
        with disk.open("r+b") as raw:
            raw.seek(start << 20)
            raw.write(header)

    return Part(
        disks=(NewDisk(serial=serial, file=file, make=make),),
        device=f"{by_serial(serial)}-part{NUMBER}",
        file=file,
        views=(partial(within, number=NUMBER),),
    )


def partuuid(table: Table) -> str:
    """Return what the partition is called on a disk with such a table."""
    return _UUID if table is Table.GPT else f"{_DISK.removeprefix('0x')}-{NUMBER:02}"


def _script(swap: SwapPartition) -> str:
    """Return what sfdisk(8) is told."""
    table = swap.table
    gpt = table is Table.GPT
    front, named = (f", uuid={uuid}" if gpt else "" for uuid in (_FRONT, _UUID))
    return (
        f"label: {_LABEL[table]}\nlabel-id: {_GUID if gpt else _DISK}\n"
        f"start={_FIRST_MIB}MiB, size={_FIRST_MIB}MiB, type={_DATA[table]}{front}\n"
        f"start={2 * _FIRST_MIB}MiB, size={swap.size_mib}MiB, type={_SWAP[table]}{named}\n"
    )
