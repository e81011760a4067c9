"""Tests of hibtest.probe."""
