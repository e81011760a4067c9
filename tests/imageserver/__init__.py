"""Tests of harness.imageserver."""
