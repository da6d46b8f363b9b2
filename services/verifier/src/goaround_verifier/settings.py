"""What the verifier must be told, read from the environment once."""

from pydantic import Field, FilePath

from goaround_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """The verifier's own, besides what every service needs."""

    # Matrices wait more than they work: a readiness matrix holds its place for minutes.
    concurrency: int = Field(default=16, ge=1, le=1000)
    prometheus_url: str | None = Field(
        default=None, description="The server for prometheus checks that name none."
    )
    ca_file: FilePath | None = Field(
        default=None,
        description="Certificates to believe besides the machine's and public ones.",
    )
    max_parallel: int = Field(
        default=32, ge=1, le=1000, description="Tries that run at the same time, of all matrices."
    )
    longest_s: float = Field(
        default=3600.0, gt=0, le=86400, description="No row is asked longer, whatever a guide says."
    )
