"""What the stakeholders are to be told, and whether they were."""

from typing import Literal

from pydantic import Field

from goaround_schemas.envelope import Command, Event, RunPayload
from goaround_schemas.guide.guide import NoticeMoment


class WorkNotifyData(RunPayload, frozen=True):
    """One notice for one recipient. Its id names run, moment and recipient: told once."""

    moment: NoticeMoment
    to: str = Field(description="The address; secrets in it are references.")
    name: str = Field(description="How records call the recipient; never the address.")
    title: str
    text: str
    urgent: bool = False
    version: str | None = None
    outcome: str | None = None


class WorkNotify(Command, frozen=True):
    """Tell one recipient one thing, once."""

    type: Literal["work.notify.v1"] = "work.notify.v1"
    data: WorkNotifyData


class DeployNotifiedData(RunPayload, frozen=True):
    moment: NoticeMoment
    name: str
    outcome: Literal["delivered", "failed", "given_up"]
    detail: str
    attempt: int = 1


class DeployNotified(Event, frozen=True):
    """A recipient was told, or could not be reached this time, or is given up on."""

    type: Literal["deploy.notified.v1"] = "deploy.notified.v1"
    data: DeployNotifiedData
