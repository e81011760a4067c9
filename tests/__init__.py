"""Tests of hibtest; they mirror harness/hibtest/ and images/."""
