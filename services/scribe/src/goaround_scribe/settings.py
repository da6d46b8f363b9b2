"""What the scribe must be told, read from the environment once."""

from pathlib import Path

from pydantic import Field, field_validator

from goaround_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """The scribe's own, besides what every service needs."""

    workspace_dir: Path = Field(
        default=Path(),
        description="Root of the files that guides name; nothing outside it is ever written.",
    )
    lock_within_s: float = Field(
        default=5.0, gt=0, le=60, description="How long to wait for another scribe on one file."
    )
    write_within_s: float = Field(
        default=20.0, gt=0, le=300, description="A disk that hangs longer holds up no run."
    )

    @field_validator("workspace_dir")
    @classmethod
    def _is_a_folder(cls, value: Path) -> Path:
        if not value.is_dir():
            raise ValueError("must be a folder that exists")
        return value.resolve()
