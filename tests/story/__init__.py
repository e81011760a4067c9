"""Tests of hibtest.story."""
