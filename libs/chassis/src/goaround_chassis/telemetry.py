"""What a service counts, and how its log lines look.

Labels are bounded: consumers, streams and results, never a run or a subject.
"""

import logging
import sys
from typing import Literal

import structlog
from prometheus_client import Counter, Histogram
from structlog.typing import Processor

MESSAGES = Counter(
    "goaround_messages_total", "Messages taken from a consumer, by what became of them.",
    ["consumer", "result"],
)  # fmt: skip
HANDLING = Histogram(
    "goaround_handling_seconds", "Time a handler took for a message.", ["consumer"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)  # fmt: skip
REDELIVERIES = Counter(
    "goaround_redeliveries_total", "Messages that had been delivered before.", ["consumer"]
)
DEAD_LETTERS = Counter(
    "goaround_dead_letters_total", "Messages put aside, by why.", ["consumer", "reason"]
)
PUBLISHED = Counter("goaround_published_total", "Messages that a stream has kept.", ["stream"])
PUBLISH_RETRIES = Counter(
    "goaround_publish_retries_total", "Publishes that had to be sent again.", ["stream"]
)
ANSWERS = Counter("goaround_answers_total", "Requests answered.", ["subject", "result"])
BACKGROUND_DEATHS = Counter(
    "goaround_background_deaths_total", "Background tasks that ended by themselves.", ["task"]
)


def start_logging(
    service: str,
    level: str = "info",
    style: Literal["json", "console"] = "json",
) -> None:
    """Send every log line of this process to stderr, ours and the libraries', in one shape."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _named(service),
        structlog.processors.format_exc_info,
    ]
    threshold = logging.getLevelNamesMapping()[level.upper()]
    renderer: Processor = (
        structlog.processors.JSONRenderer(default=str)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    # Ours go straight to stderr: through the library's loggers a line costs twice as much.
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    # At INFO it has a line for each request.
    logging.getLogger("httpx").setLevel(max(threshold, logging.WARNING))


def _named(service: str) -> Processor:
    def add(
        _logger: object, _method: str, line: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        line["service"] = service
        return line

    return add
