"""What a verdict rests on is kept with its run, judges to the same bytes, and people have a say."""

# nats-py leaves parts of its signatures without types.
# pyright: reportUnknownMemberType=false

import asyncio
import json

import nats
import pytest
from nats.aio.msg import Msg

from goaround_judge import judge, recording
from tests.system.ground import Document, Ground, Wire
from tests.system.metrics import Page, served, watch

pytestmark = pytest.mark.system

WAIT = "while [ ! -e {flag} ]; do sleep 0.05; done"


async def _ask(wire: Wire, subject: str, **body: object) -> Document:
    reply = await wire.ask(subject, body)
    assert reply["ok"], reply
    data: Document = reply["data"]
    return data


async def _begins(
    ground: Ground, wire: Wire, page: Page, service: str, period: str = "20s"
) -> None:
    """Have version 2 of a service watched; its id is the service's name."""
    ground.guide(service, watch=watch(page, period=period))
    await _ask(
        wire,
        "api.services.adopt",
        **{"service": service, "environment": "prod", "version": "1", "actor": "ann"},
    )
    wish = {"service": service, "environment": "prod", "version": "2", "run_id": service}
    await wire.publish(wish)
    await wire.reached(service, "watching")


def _replayed(evidence: Document) -> Document:
    """Judge the recording again: it must be byte for byte what was said."""
    found = recording.read(evidence["recording"])
    again = judge(found.evidence).model_dump_json()
    assert again == found.verdict
    verdict: Document = json.loads(again)
    return verdict


async def test_a_verdict_is_judged_again_from_what_is_kept_of_its_run(
    ground: Ground, wire: Wire
) -> None:
    with served() as well, served() as ill:
        await asyncio.gather(
            _begins(ground, wire, well, "recorded-green", period="2s"),
            _begins(ground, wire, ill, "recorded-red"),
        )
        ill.fail(80)
        outcomes = {
            service: await wire.outcome(service) for service in ("recorded-green", "recorded-red")
        }
    ends = {service: outcome["outcome"] for service, outcome in outcomes.items()}
    assert ends == {"recorded-green": "succeeded", "recorded-red": "rolled_back"}
    for service, outcome in outcomes.items():
        (event,) = await wire.events(f"deploy.evidenced.prod.{service}", 1)
        evidence = await _ask(wire, "api.runs.evidence", run_id=service)
        (row,) = evidence["verdicts"]
        assert evidence["recording"] == event["data"]["recording"]
        assert evidence["evidence_id"] == row["evidence_id"] == event["id"]
        verdict, told = _replayed(evidence), outcome["watch"]
        for part in ("colour", "reason", "deciding", "would_be_green", "judge_version"):
            assert verdict[part] == told.get(part)
        assert (row["colour"], row["looks"]) == (told["colour"], told["ticks"])
        assert (row["phase"], row["guide_digest"]) == (
            outcome["outcome"],
            outcome["guide"]["digest"],
        )


async def test_what_people_say_of_a_run_is_kept_with_it_and_with_its_evidence(
    ground: Ground, wire: Wire
) -> None:
    with served() as page:
        names = ("labelled-a", "labelled-b")
        await asyncio.gather(*(_begins(ground, wire, page, name, period="2s") for name in names))
        for name in names:
            await wire.outcome(name)
    said = {"run_id": "labelled-a", "label": "bad", "actor": "ann", "because": "carts were empty"}
    for _ in range(2):
        await _ask(wire, "api.runs.label", **said)
    detail = await _ask(wire, "api.runs.get", run_id="labelled-a")
    (label,) = detail["labels"]
    assert (label["label"], label["actor"], label["because"]) == ("bad", "ann", said["because"])
    reasons = [line["reason"] for line in detail["history"]]
    assert reasons.count("labelled bad by ann: carts were empty") == 1
    listed: list[Document] = []
    for _ in range(2):
        after = {"after": listed[-1]["evidence_id"]} if listed else {}
        page_of_one = await _ask(wire, "api.evidence.list", environment="prod", limit=1, **after)
        listed += page_of_one["rows"]
    labels = {row["run_id"]: row["label"] for row in listed}
    assert labels == {"labelled-a": label, "labelled-b": None}
    assert listed[0]["judged_at"] >= listed[1]["judged_at"]
    nobody = await wire.ask("api.runs.label", {**said, "run_id": "labelled-never"})
    assert "no run has the id 'labelled-never'" in nobody["error"]


async def test_another_deployment_under_way_is_named_where_a_watch_ends_red(
    ground: Ground, wire: Wire
) -> None:
    flag = ground.flag("beside")
    with served() as page:
        await _begins(ground, wire, page, "suspecting")
        ground.guide("beside", before=WAIT.format(flag=flag))
        wish = {"service": "beside", "environment": "prod", "version": "7", "run_id": "beside-7"}
        await wire.publish(wish)
        await wire.reached("beside", "deploying")
        page.fail(80)
        outcome = await wire.outcome("suspecting")
    flag.touch()
    assert outcome["outcome"] == "rolled_back"
    assert (
        "While it was watched, beside 7 was being deployed in prod as well "
        "(run beside-7, deploying): it may be to blame."
    ) in outcome["warnings"]
    assert (await wire.outcome("beside"))["outcome"] == "succeeded"


async def test_a_watcher_killed_as_it_judges_leaves_the_evidence_of_its_verdict_once(
    ground: Ground, wire: Wire
) -> None:
    judged, service, killed = asyncio.Event(), "kill-judging", ground.part("watcher")
    admin = await nats.connect(ground.system.url_for("admin"), inbox_prefix=b"_INBOX_admin")

    async def seen(message: Msg) -> None:
        if b'"doing":"answered"' in message.data and not judged.is_set():
            # The verdict is in the document; how much of it is said by now, nobody knows.
            judged.set()
            killed.kill()

    with served() as page:
        await _begins(ground, wire, page, service)
        await admin.subscribe(f"$KV.watches.{service}", cb=seen)
        await admin.flush()
        page.fail(80)
        async with asyncio.timeout(30):
            await judged.wait()
        ground.system.respawn(killed)
        ground.system.wait_ready()
        outcome = await wire.outcome(service)
    await admin.close()
    assert outcome["outcome"] == "rolled_back"
    evidence = await _ask(wire, "api.runs.evidence", run_id=service)
    assert len(evidence["verdicts"]) == 1
    assert _replayed(evidence)["reason"] == outcome["watch"]["reason"]
    told = await wire.events(f"deploy.judged.prod.{service}", 1)
    kept = await wire.events(f"deploy.evidenced.prod.{service}", 1)
    assert [len(told), len(kept)] == [1, 1]
    assert kept[0]["causationid"] == told[0]["causationid"]
