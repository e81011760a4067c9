"""A save, step by step."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hibtest.agent import kmsg, memory, power, protect, system
from hibtest.agent.device import SnapshotDevice
from hibtest.agent.guardian.faults import Faults
from hibtest.agent.guardian.journal import Journal
from hibtest.agent.image.codecs import codec
from hibtest.agent.image.format import COMMITTED, Digest, Record
from hibtest.agent.image.write import ImageWriter, Written, facts_of
from hibtest.agent.log import Facts, Log
from hibtest.agent.needed import find, served_swaps
from hibtest.agent.progress import Progress
from hibtest.agent.quiet import Quiet
from hibtest.agent.scribble import Scribbler
from hibtest.agent.settings import SaveSettings
from hibtest.agent.standstill import Standstill
from hibtest.agent.target import open_sink
from hibtest.linux.pages import PAGE


class Save:
    """One save, in the worker; made before anything is stopped.

    Whatever fails leaves by an exception: the guardian undoes what the journal has.
    """

    def __init__(self, settings: SaveSettings, log: Log, journal: Journal) -> None:
        self._settings = settings
        self._log = log
        self._journal = journal
        self._faults = Faults(settings.fail_at, journal.guardians)
        self._quiet = Quiet()
        self._digest = Digest(settings.checksum)

    def run(self) -> None:
        """Save, and power off; returns in the life that was resumed.

        :raise AgentError: When a step fails.
        """
        with self._step("prepare") as facts:
            device = self._prepare(facts)
        with device:
            self._stand_still()
            with self._step("freeze"):
                self._quiet.begun = True
                device.freeze()
            with self._step("protect") as facts:
                facts.update(self._protection.apply(self._journal))
            with self._step("snapshot") as facts:
                facts["saving"] = saving = device.create_image()
                facts.update(kmsg.numbers(self._kernel_log.new()))
            if saving:
                self._finish(device)
            self._quiet.begun = False
            with self._log.step("resumed"):
                device.free()
                device.unfreeze()
        self._sink.close()
        self._protection.close()
        self._kernel_log.close()

    def _stand_still(self) -> None:
        with self._step("stop") as facts:
            facts.update(self._standstill.stop(self._journal))
        if self._settings.stopper != "freezer":  # then nobody is stopped yet
            with self._step("needed") as facts:
                facts.update(self._standstill.go_on())
        with self._step("sync"):
            self._standstill.sync()
        if self._settings.page_out:
            with self._step("page-out") as facts:
                facts.update(self._standstill.push_out())

    @contextmanager
    def _scribbled(self) -> Iterator[None]:
        """Let a process write to the filesystems meanwhile, if one is to."""
        if not self._scribbler:
            yield
            return
        with self._log.step("release") as facts:
            facts.update(self._protection.release())
            self._scribbler.start()
            self._scribbler.settle()
        try:
            yield
        finally:
            self._scribbler.stop()

    def _prepare(self, facts: Facts) -> SnapshotDevice:
        """Open, import and allocate everything; return the device, open."""
        chosen = self._settings
        packer = codec(chosen.compress)
        self._sink = open_sink(chosen.target, chosen.buffer_pages // 2)
        self._writer = ImageWriter(self._sink, packer, self._digest, chosen.buffer_pages)
        self._about = {**system.identity(), "mode": chosen.mode, "codec": chosen.compress}
        self._about["checksum"] = chosen.checksum
        self._scribbler = Scribbler(chosen.scribble) if chosen.scribble else None
        self._protection = protect.prepare(chosen.protect, protect.Settings(scratch=chosen.scratch))
        exempt = self._journal.guardians | {os.getpid()}
        self._standstill = Standstill(chosen, exempt)
        for swap in served_swaps(find()):
            hint = "swapoff it, or the snapshot may wait for it for ever"
            self._log.say("swap stands on processes", swap=swap, hint=hint)
        self._kernel_log = kmsg.KernelLog()
        kmsg.debug_messages(self._journal)
        device = SnapshotDevice()
        if chosen.image_size is not None:
            system.note_image_size(self._journal)
            device.prefer_image_size(chosen.image_size)
        device.platform(wanted=chosen.mode == "platform")
        facts["expected_pages"] = pages = system.expected_pages()
        self._sink.prepare(device, pages, self._journal)
        facts.update(self._sink.facts())
        memory.lock()
        return device

    def _finish(self, device: SnapshotDevice) -> None:
        """Write, commit and power off, in the life that is saved; returns only to raise."""
        with self._scribbled():
            self._write(device)
        with self._step("power-off"):
            power.off(device, self._settings.mode, self._log)

    def _write(self, device: SnapshotDevice) -> None:
        with self._step("write") as facts:
            began = time.monotonic()
            progress = Progress(self._log, device.image_size() // PAGE)
            written = self._writer.write(device, progress.done)
            facts.update(facts_of(written, time.monotonic() - began))
        with self._step("commit") as facts:
            self._journal.add("image", target=list(self._settings.target))
            self._sink.commit(self._record(written).pack())
            facts["late"] = self._quiet.broken[:5]

    def _record(self, written: Written) -> Record:
        facts: dict[str, Any] = {
            **self._about,
            "pages": written.pages,
            "chunks": written.chunks,
            "stored": written.stored,
            "digest": self._digest.total(),
        }
        return Record(COMMITTED, facts)

    @contextmanager
    def _step(self, name: str) -> Iterator[Facts]:
        with self._log.step(name) as facts:
            self._faults.strike(name)
            yield facts
