"""What the scribe counts besides what every service does."""

from prometheus_client import Counter

ENTRIES = Counter(
    "goaround_record_entries_total", "Things to write down, by what became of them.",
    ["what", "outcome"],
)  # fmt: skip
