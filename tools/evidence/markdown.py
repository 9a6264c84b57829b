"""Tables, moments and folded parts in Markdown."""


def moment(text):
    """An ISO timestamp in UTC, for people."""
    return text.replace("T", " ").replace("+00:00", " UTC")


def table(head, rows):
    """The first column to the left, those of wider tables to the right."""
    yield f"| {' | '.join(head)} |"
    yield "|" + "|".join(["---", *("---:" if len(head) > 2 else "---" for _ in head[1:])]) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def folded(summary, lines):
    """Shown to whoever opens it."""
    return [f"<details><summary>{summary}</summary>", "", *lines, "", "</details>"]
