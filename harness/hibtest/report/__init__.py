"""Who listens to events and shows verdicts: the terminal, a JSONL file."""
