"""Tests of hibtest.probe.audit."""
