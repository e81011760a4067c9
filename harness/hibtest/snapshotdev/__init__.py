"""/dev/snapshot from outside: which cases there can be, and the guest that carries them out."""

from hibtest.snapshotdev.case import Answers, Between, Case, Per, objection

__all__ = ["Answers", "Between", "Case", "Per", "objection"]
