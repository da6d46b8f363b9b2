"""What every service must be told before it starts, read from the environment once.

A service adds its own fields by inheriting from `ServiceSettings`. Nothing else in this package
reads the environment.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "GOAROUND_"

S = TypeVar("S", bound=BaseSettings)


class BusSettings(BaseSettings):
    """Where the bus is and who we are there. Several servers are separated by commas."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str | None = None
    nats_password: SecretStr | None = None
    shutdown_grace_s: float = Field(default=20.0, gt=0, le=3600)

    @field_validator("nats_url")
    @classmethod
    def _is_a_server(cls, value: str) -> str:
        for server in value.split(","):
            url = urlsplit(server.strip())
            if url.scheme not in ("nats", "tls", "ws", "wss") or not url.hostname:
                raise ValueError("must look like nats://host:4222 (several: separated by commas)")
        return value

    @property
    def servers(self) -> list[str]:
        """The servers of `nats_url`, one by one."""
        return [server.strip() for server in self.nats_url.split(",")]

    @property
    def user(self) -> str | None:
        """Who we are on the bus: `nats_user`, else the user named in the URL."""
        return self.nats_user or urlsplit(self.servers[0]).username


class ServiceSettings(BusSettings):
    """What a service needs besides: how it is seen and how it stops."""

    probe_host: str = "127.0.0.1"
    probe_port: int = Field(default=0, ge=0, le=65535, description="0 takes any free port.")
    probe_port_file: Path | None = Field(
        default=None, description="Where to write the port, for a supervisor that left it open."
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    consumer_check_s: float = Field(
        default=5.0, gt=0, le=60, description="How often to look whether our consumers still exist."
    )
    concurrency: int = Field(
        default=32, ge=1, le=1000, description="Messages in hand at the same time."
    )


class BadSettings(Exception):
    """The environment does not say what the service needs; each fault by its variable's name."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def read(settings: Callable[[], S]) -> S:
    """Return the settings that the environment gives.

    Raises:
        BadSettings: With every fault, not only the first.
    """
    try:
        return settings()
    except ValidationError as error:
        raise BadSettings([_in_words(fault) for fault in error.errors()]) from error


def _in_words(fault: ErrorDetails) -> str:
    """`GOAROUND_PROBE_PORT: input should be ... (is 'abc')`. Never repeats a secret's value."""
    path = fault["loc"]
    name = PREFIX + "__".join(str(part) for part in path).upper() if path else "settings"
    if fault["type"] == "missing":
        return f"{name}: is required and not set"
    what = fault["msg"].removeprefix("Value error, ")
    what = what[:1].lower() + what[1:]
    given = os.environ.get(name)
    secret = any(word in name for word in ("PASSWORD", "SECRET", "TOKEN", "DSN", "URL"))
    return f"{name}: {what}" + ("" if given is None or secret else f" (is {given!r})")
