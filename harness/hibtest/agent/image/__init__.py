"""The agent's image: its format, writing it, loading it, withdrawing it."""
