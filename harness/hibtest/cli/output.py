"""What a command writes for programs to read."""


def print_json(value: object) -> None:
    """Print a value as JSON in which nothing is left that a terminal acts upon."""
    from hibtest.evidence import to_json
    from hibtest.printable import printable_json

    print(printable_json(to_json(value).decode()), end="")
