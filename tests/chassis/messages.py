"""Messages of the catalogue for tests, with what does not matter filled in."""

import json
from typing import Any

from goaround_schemas.envelope import encode
from goaround_schemas.notice import WorkNotify, WorkNotifyData
from goaround_schemas.request import DeployRequested, DeployRequestedData


def requested(run_id: str = "run-1", **data: Any) -> DeployRequested:
    return DeployRequested(
        source="test",
        subject=run_id,
        correlationid=run_id,
        data=DeployRequestedData(
            run_id=run_id, service="checkout", environment="prod", version="1.2.3", **data
        ),
    )


def notify(run_id: str = "run-1") -> WorkNotify:
    return WorkNotify(
        source="test",
        subject=run_id,
        correlationid=run_id,
        data=WorkNotifyData(
            run_id=run_id,
            service="checkout",
            environment="prod",
            moment="started",
            to="https://chat.invalid/hook",
            name="chat",
            title="checkout 1.2.3",
            text="deployment starts",
        ),
    )


def altered(**fields: Any) -> bytes:
    """A message on the wire with some of its envelope's fields replaced."""
    return json.dumps({**json.loads(encode(requested())), **fields}).encode()
