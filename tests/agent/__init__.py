"""Tests of hibtest.agent."""
