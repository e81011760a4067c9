"""The guardian: whatever becomes of a save, what it has changed is undone."""
