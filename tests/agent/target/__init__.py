"""Tests of hibtest.agent.target."""
