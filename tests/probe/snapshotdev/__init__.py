"""Tests of hibtest.probe.snapshotdev."""
