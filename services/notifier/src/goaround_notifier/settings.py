"""What the notifier must be told, read from the environment once."""

from typing import Annotated

from pydantic import Field

from goaround_chassis.settings import ServiceSettings

Pause = Annotated[float, Field(gt=0, le=86400)]


class Settings(ServiceSettings):
    """The notifier's own, besides what every service needs."""

    # Notices wait for others more than they work, and a slow channel must not hold up the rest.
    concurrency: int = Field(default=16, ge=1, le=1000)
    attempt_timeout_s: float = Field(
        default=5.0, gt=0, le=300, description="No attempt takes longer, whatever the channel does."
    )
    retry_s: tuple[Pause, ...] = Field(
        default=(5.0, 30.0, 120.0, 600.0),
        max_length=50,
        description="The pauses between attempts, as a JSON list; after the last one it is over.",
    )
