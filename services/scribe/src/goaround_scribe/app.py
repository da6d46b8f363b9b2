"""The scribe put together. The only place that constructs."""

from functools import partial

from goaround_chassis.bus import Bus, Subscription
from goaround_chassis.service import Service
from goaround_schemas.recording import WorkRecord
from goaround_schemas.subjects import WORK
from goaround_scribe.disk import LocalDisk
from goaround_scribe.handlers import SOURCE, Desk, on_dead, on_record, on_records
from goaround_scribe.repository import GitCommits
from goaround_scribe.settings import Settings
from goaround_scribe.workspace import Workspace

CONSUMER = "scribe"


async def build(settings: Settings, bus: Bus) -> Service:
    """Return the service, its parts wired and nothing started."""
    pages = Workspace(settings.workspace_dir, LocalDisk(), settings.lock_within_s)
    commits = None
    if settings.scribe_commit == "auto":
        author, email = settings.scribe_commit_name, settings.commit_email
        commits = GitCommits(pages.place, author, email, settings.scribe_commit_within_s)
    desk = Desk(pages, bus, settings.write_within_s, commits)
    return Service(
        name=SOURCE,
        settings=settings,
        subscriptions=(
            Subscription(
                stream=WORK,
                consumer=CONSUMER,
                kinds=(WorkRecord,),
                handler=partial(on_record, desk=desk),
                together=partial(on_records, desk=desk),
                on_dead=partial(on_dead, publisher=bus),
                concurrency=settings.concurrency,
            ),
        ),
    )
