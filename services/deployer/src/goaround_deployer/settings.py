"""What the deployer must be told before it starts."""

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from goaround_chassis.settings import ServiceSettings
from goaround_deployer.lease import Timing


class DeployerSettings(ServiceSettings):
    """The chassis' settings, and how long a run is held."""

    lease_s: float = Field(
        default=10.0, gt=0, le=300, description="A worker this long silent is taken for dead."
    )
    lease_beat_s: float = Field(
        default=2.0, gt=0, le=60, description="How often a worker says that it lives."
    )
    pass_environment: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Variables of this worker that steps get too, by name, separated by commas.",
    )
    # A step of ten minutes is ordinary, and one that is cut off is one that nobody can judge: a
    # stop waits for what is in hand. A supervisor with less patience kills; the journal copes.
    shutdown_grace_s: float = Field(default=900.0, gt=0, le=3600)

    @field_validator("pass_environment", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @model_validator(mode="after")
    def _beats_fit(self) -> Self:
        if self.lease_s < 3 * self.lease_beat_s:
            raise ValueError(
                f"GOAROUND_LEASE_S ({self.lease_s:g}) must be at least three times "
                f"GOAROUND_LEASE_BEAT_S ({self.lease_beat_s:g}): one lost beat is no death"
            )
        return self

    @property
    def timing(self) -> Timing:
        """The lease as the code has it."""
        return Timing(lease_s=self.lease_s, beat_s=self.lease_beat_s)
