"""The health audit: all that hibernation switches off or reserves, exercised once."""
