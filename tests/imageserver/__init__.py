"""Tests of hibtest.imageserver."""
