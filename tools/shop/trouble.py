"""What went wrong, said to the person at the terminal rather than as a stack trace."""


class Trouble(Exception):
    """The shop can't be started, reached or stopped. The message says what to do about it."""
