"""Tests of harness.agent."""
