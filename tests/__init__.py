"""Tests of hibtest; they mirror harness/ and images/."""
