"""Whether a regular expression matches, in bounded time.

Some patterns need longer than the universe has for a short text, and Python's matcher holds the
interpreter all the while: a thread would stop this whole worker with it. So it runs in a process
of its own, which can be killed.
"""

import json
import os
import sys
import tempfile

from goaround_verifier.checks.process import NotStarted, execute

_MOST_MEMORY = 512 * 1024 * 1024  # bytes
_SCRIPT = f"""
import json, re, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({_MOST_MEMORY}, {_MOST_MEMORY}))
pattern, text = json.load(sys.stdin.buffer)
try:
    found = re.compile(pattern).search(text)
except (re.error, OverflowError, RecursionError) as error:
    print(error)
    sys.exit(11)
sys.exit(0 if found else 10)
"""


class NotMatchable(Exception):
    """The pattern is none, or needs too long; `hopeless` where a further try cannot help."""

    def __init__(self, why: str, *, hopeless: bool) -> None:
        super().__init__(why)
        self.why = why
        self.hopeless = hopeless


async def matches(pattern: str, text: str, timeout_s: float) -> bool:
    """Return whether the pattern is found anywhere in the text.

    Raises:
        NotMatchable: It could not be told.
    """
    with tempfile.TemporaryFile() as question:
        question.write(json.dumps([pattern, text]).encode())
        question.seek(0)
        try:
            ended = await execute(
                [sys.executable, "-I", "-S", "-c", _SCRIPT],
                env=os.environ,
                timeout_s=timeout_s,
                stdin=question,
            )
        except NotStarted as error:
            raise NotMatchable(str(error), hopeless=False) from error
    match ended.exit:
        case 0:
            return True
        case 10:
            return False
        case 11:
            why = f"{pattern!r} is no regular expression: {ended.out.strip()}"
            raise NotMatchable(why, hopeless=True)
        case None:
            why = f"{pattern!r} was not matched within {timeout_s:.2g} s; make it simpler"
            raise NotMatchable(why, hopeless=False)
        case code:
            last = (ended.err.strip().splitlines() or ["no word"])[-1]
            why = f"{pattern!r} could not be matched: exit {code}, {last}"
            raise NotMatchable(why, hopeless=False)
