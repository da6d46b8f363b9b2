"""The verifier put together. The only place that constructs."""

import os
from functools import partial

from goaround_chassis.bus import Bus, Subscription
from goaround_chassis.service import Service
from goaround_schemas.matrix import WorkVerify
from goaround_schemas.subjects import WORK
from goaround_verifier.asking import Examiner, Limits
from goaround_verifier.checks.exchange import new_client, trust
from goaround_verifier.checks.github import GithubProbe
from goaround_verifier.checks.gitlab import GitlabProbe
from goaround_verifier.checks.http import HttpProbe
from goaround_verifier.checks.prometheus import PrometheusProbe
from goaround_verifier.checks.run import RunProbe
from goaround_verifier.checks.tcp import TcpProbe
from goaround_verifier.handlers import SOURCE, on_dead, on_verify
from goaround_verifier.pace import SystemPace
from goaround_verifier.references import ReferencedSecrets
from goaround_verifier.settings import Settings

CONSUMER = "verifier"


async def build(settings: Settings, bus: Bus) -> Service:
    """Return the service, its parts wired and nothing started."""
    client = new_client(trust(settings.ca_file))
    examiner = Examiner(
        probes={
            "http": HttpProbe(client),
            "tcp": TcpProbe(),
            "run": RunProbe(os.environ),
            "prometheus": PrometheusProbe(client, settings.prometheus_url),
            "github": GithubProbe(client),
            "gitlab": GitlabProbe(client),
        },
        secrets=ReferencedSecrets(),
        pace=SystemPace(),
        limits=Limits(parallel=settings.max_parallel, longest_s=settings.longest_s),
    )
    return Service(
        name=SOURCE,
        settings=settings,
        subscriptions=(
            Subscription(
                stream=WORK,
                consumer=CONSUMER,
                kinds=(WorkVerify,),
                handler=partial(on_verify, examiner=examiner, publisher=bus),
                on_dead=partial(on_dead, publisher=bus),
                concurrency=settings.concurrency,
            ),
        ),
        on_stop=(client.aclose,),
    )
