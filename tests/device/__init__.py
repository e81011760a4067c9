"""Tests of hibtest.device."""
