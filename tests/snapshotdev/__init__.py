"""Tests of hibtest.snapshotdev."""
