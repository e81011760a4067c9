"""Tests of runs on many machines: a real scheduler and real workers, guests that are scripts."""
