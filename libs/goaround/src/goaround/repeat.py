"""Telling a request that is made once more from another one under the same id. Pure."""

from goaround_schemas import api
from goaround_schemas.request import DeployRequestedData


def may_be_the_same(known: api.RunDetail, data: DeployRequestedData) -> bool:
    """Return whether the run of this id may be the one that is asked for, as far as can be seen."""
    run = known.run
    return (
        run.kind == data.kind
        and run.service == data.service
        and run.environment == data.environment
        and (run.version == data.version or data.version is None)
        and run.requested_by == data.requested_by
        and known.request_reason == data.reason
        and known.artifact == data.artifact
        and run.emergency == data.emergency
    )
