"""Tests of hibtest.verdict."""
