"""What the watcher must be told before it starts."""

from pydantic import Field

from goaround_chassis.settings import ServiceSettings


class WatcherSettings(ServiceSettings):
    """Besides what every service needs: where Prometheus is, how long a live baseline may take."""

    prometheus_url: str | None = Field(
        default=None, description="Asked where a guide names no server of its own."
    )
    live_baseline_max_s: float = Field(default=300.0, gt=0, le=3600)
    looks_at_once: int = Field(
        default=512, ge=1, le=1000, description="Looks this process takes at the same time."
    )
