"""Tests of harness.device."""
