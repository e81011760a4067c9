"""Tests of hibtest.probe.workloads."""
