"""What the orchestrator must be told before it starts."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr

from goaround_chassis.settings import ServiceSettings
from goaround_orchestrator.forgetting import Retention


class OrchestratorSettings(ServiceSettings):
    """The chassis' settings, and where runs are kept and guides are found."""

    database_url: SecretStr = Field(description="A Postgres DSN: postgresql://user@host/name")
    guides_dir: Path = Field(description="Where the deployment guides are.")
    database_connections: int = Field(default=10, ge=2, le=200)
    batch: int = Field(
        default=200, ge=1, le=1000, description="Messages of one kind in hand at the same time."
    )
    evidence_kept_days: int = Field(
        default=400,
        ge=0,
        le=36_500,
        description="How long the evidence of a verdict is kept; 0: for ever.",
    )
    rehearsals_kept_days: int = Field(
        default=400, ge=0, le=36_500, description="How long rehearsals are kept; 0: for ever."
    )
    corrections_kept_days: int = Field(
        default=400,
        ge=0,
        le=36_500,
        description="How long corrections of guides are kept that were accepted or dismissed, "
        "after that and after a run last proposed them; 0: for ever. What is open stays.",
    )
    runs_kept_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="How long ended runs are kept with their histories, and landings that no "
        "longer stand; never shorter than the evidence. 0: for ever.",
    )
    messages_kept_days: int = Field(
        default=14,
        ge=2,
        le=3650,
        description="How long it is known that a message was handled: longer than it can come "
        "back.",
    )
    parked_kept_days: int = Field(
        default=90,
        ge=0,
        le=36_500,
        description="How long messages are kept that no stream would take; 0: for ever.",
    )
    sweep_every_s: float = Field(default=0.5, gt=0, le=60)

    @property
    def retention(self) -> Retention:
        """How long the past is kept."""
        return Retention(
            messages=timedelta(days=self.messages_kept_days),
            parked=timedelta(days=self.parked_kept_days),
            evidence=timedelta(days=self.evidence_kept_days),
            rehearsals=timedelta(days=self.rehearsals_kept_days),
            corrections=timedelta(days=self.corrections_kept_days),
            runs=timedelta(days=self.runs_kept_days),
        )

    @classmethod
    def from_environment(cls) -> Self:
        """What the environment says. Fields without a default are given there too."""
        return cls.model_validate({})
