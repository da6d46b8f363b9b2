"""What the scribe must be told, read from the environment once."""

import re
import socket
from pathlib import Path
from typing import Literal

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

    scribe_commit: Literal["auto", "never"] = Field(
        default="auto", description="auto: what is written in a git checkout is committed there."
    )
    scribe_commit_name: str = Field(default="goaround", description="Whose the commits are.")
    scribe_commit_email: str | None = Field(
        default=None, description="Their address; goaround@ this host if absent."
    )
    scribe_commit_within_s: float = Field(
        default=15.0, gt=0, le=300, description="A hook that hangs longer is ended."
    )

    @property
    def commit_email(self) -> str:
        """The address of the commits' author."""
        return self.scribe_commit_email or f"goaround@{socket.gethostname()}"

    @field_validator("scribe_commit_name", "scribe_commit_email")
    @classmethod
    def _is_an_author(cls, value: str | None) -> str | None:
        if value is not None and (
            re.search(r"[<>\x00-\x1f]", value) or not re.search(r"\w", value)
        ):
            raise ValueError("must be a name or an address, without <, > and line ends")
        return value

    @field_validator("workspace_dir")
    @classmethod
    def _is_a_folder(cls, value: Path) -> Path:
        if not value.is_dir():
            raise ValueError("must be a folder that exists")
        return value.resolve()
