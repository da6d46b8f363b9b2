"""The Python client against the real system, and across an outage of the bus."""

import asyncio
import re
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import goaround
from goaround.client import Goaround
from goaround.embedded import EmbeddedNats
from goaround.local import LocalSystem
from goaround.reach import bus_at
from goaround.topology import topology
from goaround_chassis.bus import apply
from goaround_schemas.outcome import DeployAdvanced, DeployFinished
from goaround_schemas.request import DeployRequested
from tests import builders
from tests.cli.command import guide

pytestmark = pytest.mark.system

WITHIN_S = 30.0


@pytest.fixture
async def g(local_system: LocalSystem) -> AsyncIterator[Goaround]:
    async with goaround.connect(local_system.url_for()) as client:
        yield client


def _guide(system: LocalSystem, service: str, **changes: str) -> None:
    (system.guides / f"{service}.yaml").write_text(guide(service, **changes))


async def test_a_run_is_asked_for_and_followed_from_its_first_event_to_its_outcome(
    g: Goaround, local_system: LocalSystem
) -> None:
    _guide(local_system, "alpha")
    await g.adopt("alpha", "1.0", environment="prod")
    run = await g.deploy("alpha", "1.1", environment="prod", requested_by="ada")
    done = await run.finished(timeout_s=WITHIN_S)
    assert (done.data.outcome, done.data.requested_by) == ("succeeded", "ada")
    told = [e async for e in run.events()]
    assert told[0].type == "deploy.requested.v1"
    assert told[-1] == done
    phases = [e.data.to for e in told if isinstance(e, DeployAdvanced)]
    assert phases == ["preflight", "deploying", "verifying", "watching", "recording", "succeeded"]
    assert (await g.run(run.run_id)).run.phase == "succeeded"
    again = await g.follow(run.run_id)
    assert await again.finished(timeout_s=WITHIN_S) == done


async def test_the_same_request_with_the_same_id_is_the_same_run_also_after_its_end(
    g: Goaround, local_system: LocalSystem
) -> None:
    _guide(local_system, "beta")
    await g.adopt("beta", "1.0", environment="prod")
    first = await g.deploy("beta", "1.1", environment="prod", run_id="beta-1")
    done = await first.finished(timeout_s=WITHIN_S)
    second = await g.deploy("beta", "1.1", environment="prod", run_id="beta-1")
    assert await second.finished(timeout_s=WITHIN_S) == done
    assert len(await g.runs(service="beta")) == 1


async def test_an_id_that_stands_for_another_request_is_refused_and_the_handle_says_so(
    g: Goaround, local_system: LocalSystem
) -> None:
    _guide(local_system, "gamma")
    await g.adopt("gamma", "1.0", environment="prod")
    first = await g.deploy("gamma", "1.1", environment="prod", run_id="gamma-1")
    await first.finished(timeout_s=WITHIN_S)
    other = await g.deploy("gamma", "1.2", environment="prod", run_id="gamma-1")
    done = await other.finished(timeout_s=WITHIN_S)
    assert done.data.outcome == "rejected"
    assert "gamma-1 was used already" in done.data.reason
    assert other.run_id == done.data.run_id != "gamma-1"


async def test_a_refusal_is_raised_with_its_reason(g: Goaround) -> None:
    with pytest.raises(goaround.Refused, match="no run has the id 'r-none'"):
        await g.abort("r-none")
    with pytest.raises(goaround.BadRequest, match="service"):
        await g.deploy("not a name", "1.0", environment="prod")


async def test_the_example_of_the_package_works_as_it_is_printed(
    local_system: LocalSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    _guide(local_system, "checkout")
    async with goaround.connect(local_system.url_for()) as client:
        await client.adopt("checkout", "2.4.0", environment="prod")
    doc = goaround.__doc__ or ""
    example = textwrap.dedent(doc[doc.index("    import goaround") : doc.index("The distribution")])
    example = re.sub(r"nats://[^\"]+", local_system.url_for(), example)
    scope: dict[str, Any] = {}
    exec(f"async def example():\n{textwrap.indent(example, '    ')}", scope)
    run: Callable[[], Awaitable[None]] = scope["example"]
    await asyncio.wait_for(run(), WITHIN_S)
    assert capsys.readouterr().out.startswith("succeeded 2.4.1 runs in prod")


@pytest.fixture
def bus() -> Iterator[EmbeddedNats]:
    """A bus of the test's own, for it to stop and start."""
    with (
        TemporaryDirectory(prefix="goaround-test-") as root,
        EmbeddedNats(Path(root), sync="2m", die_with_parent=True) as server,
    ):
        yield server


async def test_what_a_person_allows_goes_with_the_request_and_needs_a_reason(
    bus: EmbeddedNats,
) -> None:
    async with bus_at(bus.url) as admin:
        await apply(admin, topology())
    async with goaround.connect(bus.url) as g:
        with pytest.raises(goaround.BadRequest, match="to allow what is lossy needs a reason"):
            await g.deploy("checkout", "2.4.1", environment="prod", allow=["lossy"])
        run = await g.deploy(
            "checkout",
            "2.4.1",
            environment="prod",
            reason="the column is empty",
            allow=["lossy", "irreversible"],
        )
        start = datetime(2026, 1, 1, tzinfo=UTC)
        (told,) = [e async for e in g.events(since=start, follow=False)]
    assert isinstance(told, DeployRequested)
    assert (told.data.run_id, told.data.allow) == (run.run_id, ("lossy", "irreversible"))


async def test_an_outcome_is_not_missed_when_the_bus_was_gone_in_between(bus: EmbeddedNats) -> None:
    async with bus_at(bus.url) as admin:
        await apply(admin, topology())
    async with goaround.connect(bus.url) as g:
        run = await g.deploy("checkout", "2.4.1", environment="prod")
        waiting = asyncio.create_task(run.finished(timeout_s=WITHIN_S))
        await asyncio.to_thread(bus.stop)
        await asyncio.to_thread(bus.start)
        async with bus_at(bus.url) as orchestrator:
            await orchestrator.publish(builders.deploy_finished(run_id="someone-elses", id="1"))
            await orchestrator.publish(builders.deploy_finished(run_id=run.run_id, id="2"))
        done: DeployFinished = await waiting
        assert done.data.run_id == run.run_id


async def test_without_an_orchestrator_a_question_says_so_and_a_request_is_kept(
    bus: EmbeddedNats,
) -> None:
    async with bus_at(bus.url) as admin:
        await apply(admin, topology())
    async with goaround.connect(bus.url) as g:
        with pytest.raises(goaround.Unreachable, match="no orchestrator answers"):
            await g.runs()
        run = await g.deploy("checkout", "2.4.1", environment="prod")
        with pytest.raises(TimeoutError):
            await run.finished(timeout_s=0.05)


async def test_wrong_words_at_the_door_of_the_bus_are_told_apart_from_silence() -> None:
    with pytest.raises(goaround.Unreachable, match=r"no bus answers at 127\.0\.0\.1:1"):
        async with goaround.connect("nats://127.0.0.1:1"):
            pass
    with pytest.raises(goaround.Unreachable, match="is no address of a bus"):
        async with goaround.connect("http://127.0.0.1"):
            pass
