"""Witnesses of the system, of threads and of device mapper: what three kernels show, changed."""

import os
from collections.abc import Iterable

import pytest

from hibtest.linux.dm import CONTROL, Target
from hibtest.linux.tasks import PF_NOFREEZE, PF_SUSPEND_TASK
from hibtest.probe import procfs
from hibtest.probe.base import Lacking
from hibtest.probe.witnesses import devmapper, system, threads
from tests.probe.tree import Tree
from tests.probe.witnesses.looking import Looked


def test_mounts(recorded: Tree) -> None:
    witness = Looked("mounts", system.mounts)
    assert any(" /run " in line for line in witness.planted["mounts"])
    text = recorded.at("/proc/self/mountinfo").read_text()
    recorded.put("/proc/self/mountinfo", "".join(reversed(text.splitlines(keepends=True))))
    assert witness.wrong() == ()
    recorded.edit("/proc/self/mountinfo", " / / rw,noatime", " / / ro,noatime")
    assert len(witness.wrong()) > 0


def test_swaps(recorded: Tree) -> None:
    witness = Looked("swaps", system.swaps)
    assert witness.planted["areas"][0][:3] == ["/dev/vdb", "partition", 8188]
    priority = witness.planted["areas"][0][3]
    assert priority in (-1, -2)  # 7.3 and before: what swapon(2) gives the first
    recorded.edit("/proc/swaps", "8188\t\t0\t", "8188\t\t4096\t")
    assert witness.wrong() == ()
    recorded.edit("/proc/swaps", f"\t{priority}", "\t-3")
    assert len(witness.wrong()) == 1
    recorded.drop("/proc/swaps")
    assert witness.found() == {"areas": []}


def test_cpus(recorded: Tree) -> None:
    witness = Looked("cpus", system.cpus)
    assert witness.planted["online"] == [0, 1]
    assert len(witness.planted["described"]) == 2
    recorded.edit("/proc/cpuinfo", "cpu MHz\t\t: ", "cpu MHz\t\t: 9")
    assert witness.wrong() == ()  # it varies
    recorded.edit("/proc/cpuinfo", "stepping\t: 3", "stepping\t: 4")
    assert [text.split()[0] for text in witness.wrong()] == ["described"]
    recorded.edit("/proc/cpuinfo", "stepping\t: 4", "stepping\t: 3")
    recorded.put("/sys/devices/system/cpu/online", "0\n")
    assert witness.wrong() == ("online was [0, 1], is [0]",)


def test_settings(recorded: Tree) -> None:
    witness = Looked("settings", system.settings)
    assert witness.planted["/proc/sys/kernel/printk"] == "7\t4\t1\t7"
    assert witness.planted["/proc/sys/vm/swappiness"] is None  # nobody has recorded it
    recorded.put("/proc/sys/kernel/printk", "1\t4\t1\t7\n")
    assert len(witness.wrong()) == 1
    assert "/proc/sys/kernel/printk" in witness.wrong()[0]


def test_modules(recorded: Tree) -> None:
    witness = Looked("modules", system.modules)
    assert witness.planted["modules"]["virtio_blk"] == "Live"
    recorded.edit("/proc/modules", "failover 24576 1", "failover 24576 2")
    assert witness.wrong() == ()
    text = recorded.at("/proc/modules").read_text()
    recorded.put("/proc/modules", text.replace("Live", "Unloading", 1))
    assert len(witness.wrong()) == 1
    recorded.put("/proc/modules", "")
    assert witness.found() == {"modules": {}}


def test_interrupts_of_all_cpus_are_added(recorded: Tree) -> None:
    witness = system.interrupts()
    found = witness.facts["interrupts"]
    assert {"timer", "ttyS0", "virtio1-req.0"} <= set(found)
    assert all(count >= 0 for count in found.values())
    assert not any(name.startswith(("Local", "NMI", "Rescheduling")) for name in found)
    was = found["ttyS0"]
    lines = recorded.at("/proc/interrupts").read_text().splitlines(keepends=True)
    number = next(at for at, line in enumerate(lines) if line.endswith("ttyS0\n"))
    head, _, rest = lines[number].partition(":")
    first = rest.split()[0]
    lines[number] = f"{head}:{rest.replace(first, str(int(first) + 5), 1)}"
    recorded.put("/proc/interrupts", "".join(lines))
    assert witness.look()["interrupts"]["ttyS0"] == was + 5


@pytest.mark.parametrize(
    ("table", "counts"),
    [
        ("CPU0\n 9: 3 IO-APIC 9-fasteoi acpi\nERR: 0\n", {"acpi": 3}),
        ("CPU0 CPU1\n 11: 1 2 IO-APIC 11-fasteoi uhci_hcd:usb1, virtio0\n",
         {"uhci_hcd:usb1, virtio0": 3}),
        ("CPU0\n 7: 3\n 8: 4 IO-APIC 8-edge\nMIS: 0\n", {}),
        ("CPU0\n", {}),
    ],
)  # fmt: skip
def test_odd_tables_of_interrupts(table: str, counts: dict[str, int]) -> None:
    assert system.count(table) == counts


def test_random_numbers_do_not_come_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    witness = Looked("randomness", system.randomness)
    first, second = witness.found(), witness.found()
    assert second["earlier"][:-1] == first["earlier"]
    assert second["earlier"][-1] == first["now"]
    monkeypatch.setattr(os, "getrandom", lambda _: bytes.fromhex(first["now"]))
    assert len(witness.wrong()) == 1


def stat_of(tree: Tree, comm: str) -> str:
    paths = tree.at("/proc").glob("*/task/*/stat")
    path = next(path for path in paths if f"({comm})" in path.read_text())
    return "/" + str(path.relative_to(tree.root))


def fields(tree: Tree, path: str, **changed: object) -> None:
    """Change fields of a stat: state, flags, started."""
    head, _, tail = tree.at(path).read_text().rpartition(") ")
    words = tail.split()
    for name, at in (("state", 0), ("flags", 6), ("started", 19)):
        words[at] = str(changed.get(name, words[at]))
    tree.put(path, f"{head}) {' '.join(words)}\n")


def test_threads_of_each_kernel(recorded: Tree) -> None:
    witness = Looked("threads", threads.threads)
    users = {comm for _, _, comm, _, _ in witness.planted["threads"]}
    assert users == {"init", "sshd", "bash", "sshd-session", "python3"}
    staying = {comm: stays for _, _, comm, _, stays in witness.planted["threads"]}
    assert (staying["init"], staying["bash"], staying["python3"]) == (1, 1, 0)
    assert {"kthreadd", "kswapd0", "jbd2/vda-8"} <= set(witness.planted["kernel"])
    assert "ext4lazyinit" not in witness.planted["kernel"]
    assert not any(comm.startswith("kworker") for comm in witness.planted["kernel"])


def test_a_user_thread_that_is_gone_is_found(recorded: Tree) -> None:
    witness = Looked("threads", threads.threads)
    recorded.drop(stat_of(recorded, "python3"))
    assert witness.wrong() == ()  # its session has ended
    recorded.drop(stat_of(recorded, "bash"))
    assert len(witness.wrong()) == 1
    assert "bash" in witness.wrong()[0]


def test_a_kernel_thread_that_is_gone_is_found(recorded: Tree) -> None:
    witness = Looked("threads", threads.threads)
    recorded.drop(stat_of(recorded, "kswapd0"))
    assert "kswapd0" in witness.wrong()[0]


def test_a_thread_that_is_stuck_is_found(recorded: Tree) -> None:
    sleeping, stuck = stat_of(recorded, "khungtaskd"), stat_of(recorded, "bash")
    fields(recorded, sleeping, state="D")
    witness = Looked("threads", threads.threads)
    assert witness.found()["stuck"] == []
    fields(recorded, stuck, state="D")
    recorded.put(f"{os.path.dirname(stuck)}/wchan", "__refrigerator")  # noqa: PTH120
    pid = int(stuck.split("/")[2])
    assert witness.found()["stuck"] == [[pid, "bash", "D", "__refrigerator"]]
    assert len(witness.wrong()) > 0


@pytest.mark.parametrize("flag", [PF_NOFREEZE, PF_SUSPEND_TASK])
def test_a_thread_that_is_exempt_from_freezing_is_found(recorded: Tree, flag: int) -> None:
    before, later = stat_of(recorded, "init"), stat_of(recorded, "bash")
    fields(recorded, before, flags=0x400000 | flag)
    witness = Looked("threads", threads.threads)
    assert witness.found()["exempt"] == []
    fields(recorded, later, flags=0x400000 | flag)
    assert [comm for _, comm, _ in witness.found()["exempt"]] == ["bash"]
    assert len(witness.wrong()) > 0


def test_who_has_ended_is_not_exempt_from_freezing(recorded: Tree) -> None:
    """As a child of the examiner that nobody has waited for yet: resume 4 of a guest of 6.12."""
    witness = Looked("threads", threads.threads)
    fields(recorded, stat_of(recorded, "bash"), flags=0x40814C, state="Z")
    assert witness.found()["exempt"] == []


def test_another_process_of_the_same_number_is_found(recorded: Tree) -> None:
    witness = Looked("threads", threads.threads)
    fields(recorded, stat_of(recorded, "bash"), started=999999)
    assert len(witness.wrong()) > 0


def test_a_task_may_end_while_it_is_read(tree: Tree) -> None:
    tree.put("/proc/self/stat", "")
    tree.at("/proc/7").mkdir()
    tree.at("/proc/8/task/8").mkdir(parents=True)
    assert threads.everyone() == []
    tree.put("/proc/8/task/8/stat", "8 (a) b) S 1")
    with pytest.raises(ValueError, match="no line of /proc/PID/stat"):
        threads.everyone()
    assert procfs.stat("/proc/9/stat") is None


class Control:
    """A device mapper that has these devices."""

    def __init__(self, kinds: Iterable[str] = ("zero",)) -> None:
        self.kinds = kinds
        self.tables = {"home": [Target(0, 4096, "linear", "254:0 2048")]}
        self.gone: set[str] = set()

    def names(self) -> dict[str, int]:
        return {name: at for at, name in enumerate((*self.tables, *self.gone))}

    def has_target(self, kind: str) -> bool:
        return kind in self.kinds

    def create(self, name: str, targets: list[Target]) -> None:
        self.tables[name] = targets

    def info(self, name: str) -> object:
        from hibtest.linux.dm import Info

        return None if name in self.gone else Info(device=65024, opens=1, flags=4, uuid="u")

    def table(self, name: str) -> list[Target]:
        return self.tables.get(name, [])

    status = table


def test_tables_of_device_mapper(monkeypatch: pytest.MonkeyPatch) -> None:
    control = Control()
    monkeypatch.setattr(devmapper, "Control", lambda: control)
    witness = Looked("device-mapper", devmapper.tables)
    found = witness.planted["devices"]
    assert found["hibtest-witness"]["table"] == ["0 2048 zero"]
    assert found["home"]["table"] == ["0 4096 linear 254:0 2048"]
    control.tables["home"] = [Target(0, 4096, "linear", "254:0 4096")]
    assert len(witness.wrong()) > 0
    control.tables.pop("home")
    control.gone.add("home")
    assert witness.found()["devices"]["home"] == {"table": [], "status": []}


def test_what_device_mapper_may_lack(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Lacking, match=f"no device mapper: no {CONTROL}"):
        devmapper.tables()
    control = Control(kinds=())
    monkeypatch.setattr(devmapper, "Control", lambda: control)
    with pytest.raises(Lacking, match="no zero target"):
        devmapper.tables()
    control.tables["hibtest-witness"] = [devmapper.OWN]  # planted in an earlier try
    assert "hibtest-witness" in devmapper.tables().facts["devices"]
