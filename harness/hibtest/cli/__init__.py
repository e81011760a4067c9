"""The commands of hibtest."""
