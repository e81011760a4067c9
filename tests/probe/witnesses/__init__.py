"""Tests of hibtest.probe.witnesses."""
