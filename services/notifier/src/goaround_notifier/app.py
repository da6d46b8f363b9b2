"""The notifier put together. The only place that constructs."""

import os
from functools import partial

from goaround_chassis.bus import Bus, Subscription
from goaround_chassis.clock import SystemClock
from goaround_chassis.service import Service
from goaround_notifier.channel import Channel
from goaround_notifier.everywhere import AppriseChannel
from goaround_notifier.handlers import SOURCE, Desk, on_dead, on_notify
from goaround_notifier.ledger import BUCKET, Ledger
from goaround_notifier.post import Post
from goaround_notifier.settings import Settings
from goaround_notifier.webhook import WebhookChannel, new_client
from goaround_schemas.notice import WorkNotify
from goaround_schemas.subjects import WORK

CONSUMER = "notifier"


async def build(settings: Settings, bus: Bus) -> Service:
    """Return the service, its parts wired and nothing started."""
    client = new_client(settings.attempt_timeout_s)
    channels: dict[str, Channel] = {
        "webhook": WebhookChannel(client, settings.attempt_timeout_s),
        "apprise": AppriseChannel(settings.attempt_timeout_s),
    }
    desk = Desk(
        ledger=Ledger(bus.bucket(BUCKET)),
        post=Post(channels, os.environ),
        publisher=bus,
        clock=SystemClock(),
        retry_s=settings.retry_s,
    )
    return Service(
        name=SOURCE,
        settings=settings,
        subscriptions=(
            Subscription(
                stream=WORK,
                consumer=CONSUMER,
                kinds=(WorkNotify,),
                handler=partial(on_notify, desk=desk),
                on_dead=partial(on_dead, publisher=bus, retry_s=settings.retry_s),
                concurrency=settings.concurrency,
            ),
        ),
        on_stop=(client.aclose,),
    )
