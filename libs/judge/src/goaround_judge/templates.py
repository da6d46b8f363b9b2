"""Turns log lines into templates: what is left of a line when its numbers and names are masked.

One pass of one expression over each line; keeps no state, so the order of lines never matters.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

MAX_LINE = 2_000
"""Characters of a line that are looked at: a dumped document must not cost a watch its tick."""
MAX_TEMPLATE = 160
"""Characters a template keeps: what sets two messages apart comes early in a line."""
MAX_EXAMPLE = 300


class Severity(StrEnum):
    """How bad a line says it is; guessed from its own words."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class TemplateCount(BaseModel):
    """How often one template was seen in a window, and one line of it."""

    model_config = ConfigDict(frozen=True)

    template: str
    severity: Severity
    count: int
    example: str


_MASK = re.compile(
    r"""
      (?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?
              |\b\d\d:\d\d:\d\d(?:[.,]\d+)?)
    | (?P<id>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b
            |\b0x[0-9a-fA-F]+\b
            |\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\b)
    | (?P<url>\bhttps?://[^\s"'<>\])]+)
    | (?P<path>(?<![\w.:/])/(?:[\w.@%+~-]+/)*[\w.@%+~-]+)
    | (?P<text>(?<=\s)"[^"]*"(?=\s|$))
    | (?P<num>(?<![A-Za-z_])[+-]?\d[\d.,:]*(?:%|[a-zA-Z]{1,3}\b)?|\d+)
    """,
    re.VERBOSE,
)
_ERROR = re.compile(
    r"\b(?:ERROR|FATAL|CRITICAL|PANIC|EMERG|ALERT|SEVERE|CRIT|ERR)\b"
    r"|\b(?:error|fatal|critical|panic)\b(?!\"?\s*[=:]\s*(?:null|none|nil|false|0|\"\")(?:\W|$))"
    r"|\b\w*(?:Exception|Error)\b|\bTraceback\b|\b(?:[Ff]ailed|FAILED)\b"
)
_WARNING = re.compile(r"\b(?:WARN(?:ING)?|[Ww]arn(?:ing)?)\b")
_LEVEL = re.compile(
    r"\b(?P<error>ERROR|FATAL|CRITICAL|PANIC|SEVERE)\b|\b(?P<warning>WARN(?:ING)?)\b"
    r"|\b(?P<info>INFO|DEBUG|TRACE|NOTICE)\b"
    r"|\b(?i:level|lvl|severity)\"?\s*[=:]\s*\"?(?:(?P<e2>(?i:err|fatal|crit|panic))"
    r"|(?P<w2>(?i:warn))|(?P<i2>(?i:info|debug|trace|notice)))"
)


def template(line: str) -> str:
    """Return the line with times, ids, addresses, paths, quoted texts and numbers masked."""
    masked = _MASK.sub(lambda found: f"<{found.lastgroup}>", line[:MAX_LINE])
    return " ".join(masked.split())[:MAX_TEMPLATE]


def severity(line: str) -> Severity:
    """Return how bad the line says it is: by its level where it has one, else by its words."""
    head = line[:MAX_LINE]
    level = _LEVEL.search(head[:120])
    if level is not None:
        for names, found in (
            (("error", "e2"), Severity.ERROR),
            (("warning", "w2"), Severity.WARNING),
        ):
            if any(level.group(name) for name in names):
                return found
        return Severity.INFO
    if _ERROR.search(head):
        return Severity.ERROR
    return Severity.WARNING if _WARNING.search(head) else Severity.INFO


def templates(lines: Iterable[str]) -> tuple[TemplateCount, ...]:
    """Count the lines by template and severity, in an order that depends on the content alone.

    Blank lines and the indented rest of a stack trace are left out. The example is the least
    line of its template, so that reading the same lines in another order changes nothing.
    """
    counted: dict[tuple[str, Severity], int] = {}
    examples: dict[tuple[str, Severity], str] = {}
    for line in lines:
        if not line or line[0].isspace():
            continue
        key = (template(line), severity(line))
        counted[key] = counted.get(key, 0) + 1
        example = line[:MAX_EXAMPLE].rstrip()
        if key not in examples or example < examples[key]:
            examples[key] = example
    return tuple(
        TemplateCount(template=key[0], severity=key[1], count=count, example=examples[key])
        for key, count in sorted(counted.items())
    )
