"""What the notifier counts besides what every service does. Labels are channels and outcomes."""

from prometheus_client import Counter, Histogram

NOTICES = Counter(
    "goaround_notices_total",
    "Attempts to tell a recipient, by what became of them.",
    ["moment", "outcome"],
)
SENDING = Histogram(
    "goaround_notice_seconds",
    "Time that one attempt took.",
    ["channel"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
