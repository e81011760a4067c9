"""Tests of hibtest.linux."""
