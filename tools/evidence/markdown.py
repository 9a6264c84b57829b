"""Tables in Markdown."""


def table(head, rows):
    """The first column to the left, those of wider tables to the right."""
    yield f"| {' | '.join(head)} |"
    yield "|" + "|".join(["---", *("---:" if len(head) > 2 else "---" for _ in head[1:])]) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
