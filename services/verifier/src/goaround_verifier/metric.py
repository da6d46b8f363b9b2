"""What the verifier counts besides what every service does. Labels are kinds and outcomes."""

from prometheus_client import Counter, Histogram

CHECKS = Counter(
    "goaround_checks_total", "Rows filled, by kind of check and outcome.", ["kind", "outcome"]
)
CHECK = Histogram(
    "goaround_check_seconds",
    "Time until a row was filled, all tries together.",
    ["kind"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900),
)
