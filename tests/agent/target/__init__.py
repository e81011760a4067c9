"""Tests of harness.agent.target."""
