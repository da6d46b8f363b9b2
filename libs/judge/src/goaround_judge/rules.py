"""What the guide says about a signal or a log: its kind, the direction that hurts, what matters.

Rules are data. How they are applied is `measured`, `counted` and `logged`; nothing here decides.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class SignalKind(StrEnum):
    """What a signal measures, which says what hurts and on which scale it is compared."""

    LATENCY = "latency"
    ERRORS = "errors"
    ERROR_RATE = "error_rate"
    SUCCESS_RATE = "success_rate"
    THROUGHPUT = "throughput"
    SATURATION = "saturation"
    CUSTOM = "custom"


class Bad(StrEnum):
    """The direction that hurts."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


USUALLY_BAD = {
    SignalKind.LATENCY: Bad.UP,
    SignalKind.ERRORS: Bad.UP,
    SignalKind.ERROR_RATE: Bad.UP,
    SignalKind.SUCCESS_RATE: Bad.DOWN,
    SignalKind.THROUGHPUT: Bad.DOWN,
    SignalKind.SATURATION: Bad.UP,
    SignalKind.CUSTOM: Bad.BOTH,
}


class SignalRule(BaseModel):
    """How one signal is to be judged."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: SignalKind = SignalKind.CUSTOM
    bad: Bad | None = Field(default=None, description="The direction that hurts; the kind's own.")
    unit: str = ""
    matters_from: float = Field(
        default=0.10, ge=0, description="Share of the baseline below which no change matters."
    )
    min_samples: int = Field(
        default=5, ge=1, description="Usable samples after the switch before it can be Green."
    )
    min_requests: int = Field(
        default=50, ge=0, description="Requests after the switch before errors can be Green."
    )
    muted: bool = Field(default=False, description="Judged and shown, and never counted.")

    @property
    def direction(self) -> Bad:
        """Return the direction that hurts: as the rule says, else as the kind has it."""
        return USUALLY_BAD[self.kind] if self.bad is None else self.bad


class LogRule(BaseModel):
    """How one log is to be judged."""

    model_config = ConfigDict(frozen=True)

    name: str
    matters_from: float = Field(
        default=0.50, ge=0, description="Share by which a template must rise to matter."
    )
    muted: bool = False
