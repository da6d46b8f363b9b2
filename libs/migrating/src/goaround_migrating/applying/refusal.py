"""Why nothing is run: one line that names the file, the line, the value and the next step."""


class Refusal(Exception):
    """What was asked for is not begun. The database is as it was."""
