"""Tests of runs on many hosts: a real scheduler and real workers, guests that are scripts."""
