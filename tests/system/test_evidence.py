"""Thin evidence is never a yes and never a no; and what people decide is on record."""

from pathlib import Path

import pytest

from tests.system.ground import Document, Ground, Wire
from tests.system.metrics import Page, served, watch

pytestmark = pytest.mark.system


def _gauge(page: Page, metric: str) -> str:
    source = f'scrape: {{url: "{page.url}", value: {metric}}}'
    return (
        "{period: 2s, every: 250ms, extend: {by: 1s, at_most: 1}, baseline: {before: 2s}, "
        f"signals: [{{name: load, kind: saturation, {source}}}]}}"
    )


async def _asked(wire: Wire, service: str, **more: object) -> None:
    body: Document = {"service": service, "environment": "prod", "version": "1", **more}
    await wire.publish(body)


async def _runs_already(wire: Wire, service: str) -> None:
    adopt = {"service": service, "environment": "prod", "version": "0.9", "actor": "ann"}
    assert (await wire.ask("api.services.adopt", adopt))["ok"]


def _rows(outcome: Document, category: str) -> list[Document]:
    return [
        row
        for matrix in outcome["verification"]
        if matrix["kind"] == "preflight"
        for row in matrix["rows"]
        if row["category"] == category
    ]


async def test_a_signal_that_never_existed_is_told_before_anything_changes(
    ground: Ground, wire: Wire
) -> None:
    with served() as page:
        ground.guide("no-metric", watch=_gauge(page, "laod"))
        await _runs_already(wire, "no-metric")
        await _asked(wire, "no-metric")
        outcome = await wire.outcome("no-metric")
    assert outcome["outcome"] == "rejected"
    assert "signal load answers" in outcome["reason"]
    assert ground.effects("no-metric") == []


@pytest.mark.parametrize("text", ["NaN", "+Inf", '"many"'])
async def test_a_signal_that_is_no_number_is_told_before_anything_changes(
    ground: Ground, wire: Wire, text: str
) -> None:
    service = f"number-{sum(map(ord, text))}"
    with served() as page:
        page.load = text
        ground.guide(service, watch=_gauge(page, "load"))
        await _runs_already(wire, service)
        await _asked(wire, service)
        outcome = await wire.outcome(service)
    assert outcome["outcome"] == "rejected"
    (row,) = _rows(outcome, "signals")
    assert row["outcome"] == "failed"
    assert ground.effects(service) == []


async def test_an_unreachable_prometheus_is_told_before_anything_changes(
    ground: Ground, wire: Wire
) -> None:
    watched = (
        "{period: 2s, every: 250ms, baseline: {before: 2s}, "
        "prometheus: {url: 'http://127.0.0.1:9'}, "
        "signals: [{name: load, kind: saturation, prometheus: 'sum(load)'}]}"
    )
    ground.guide("no-prometheus", watch=watched)
    await _runs_already(wire, "no-prometheus")
    await _asked(wire, "no-prometheus")
    outcome = await wire.outcome("no-prometheus")
    assert outcome["outcome"] == "rejected"
    assert "127.0.0.1:9" in outcome["reason"]


async def test_a_first_deployment_is_not_refused_for_signals_that_nothing_sends_yet(
    ground: Ground, wire: Wire
) -> None:
    with served() as page:
        page.status = 500
        ground.guide("first-signals", watch=watch(page, period="2s"))
        await _asked(wire, "first-signals")
        await wire.reached("first-signals", "watching")
    advanced = await wire.events("deploy.advanced.prod.first-signals", 3)
    assert [e["data"]["to"] for e in advanced[:2]] == ["preflight", "deploying"]


async def _held(ground: Ground, wire: Wire, page: Page, service: str) -> None:
    ground.guide(service, watch=watch(page, period="2s"))
    await _asked(wire, service, run_id=service)
    await wire.reached(service, "watching")
    page.status = 500
    await wire.reached(service, "held")


async def test_a_source_that_goes_away_is_held_and_a_person_accepts(
    ground: Ground, wire: Wire
) -> None:
    with served() as page:
        await _held(ground, wire, page, "held-accept")
        reply = await wire.ask(
            "api.runs.promote", {"run_id": "held-accept", "actor": "ann", "reason": "looked myself"}
        )
        assert reply["ok"], reply
        outcome = await wire.outcome("held-accept")
    assert outcome["outcome"] == "succeeded"
    assert outcome["watch"]["colour"] == "yellow"
    assert outcome["watch"]["extensions"] == 1
    assert any("accepted by ann: looked myself" in w for w in outcome["warnings"])


async def test_a_held_run_is_watched_on_and_lands_when_the_evidence_is_back(
    ground: Ground, wire: Wire
) -> None:
    with served() as page:
        await _held(ground, wire, page, "held-resume")
        page.status = 200
        reply = await wire.ask("api.runs.resume", {"run_id": "held-resume", "actor": "ann"})
        assert reply["ok"], reply
        outcome = await wire.outcome("held-resume")
    assert outcome["outcome"] == "succeeded", outcome["reason"]
    assert outcome["watch"]["colour"] == "green"


def _approved(path: Path) -> None:
    approval = "environments: {prod: {approval: {from: [sre], within: 1h}}}"
    path.write_text(path.read_text().replace("environments: {prod: {}}", approval))


async def test_an_approval_is_given_by_those_who_may_and_refusals_are_on_record(
    ground: Ground, wire: Wire
) -> None:
    _approved(ground.guide("approval"))
    await _asked(wire, "approval", run_id="approval", requested_by="bob")
    await wire.reached("approval", "awaiting_approval")
    stranger = await wire.ask("api.runs.approve", {"run_id": "approval", "actor": "eve"})
    assert not stranger["ok"]
    assert "eve may not approve it; the guide wants sre" in stranger["error"]
    own = {"run_id": "approval", "actor": "bob", "groups": ["sre"]}
    assert "someone else must approve" in (await wire.ask("api.runs.approve", own))["error"]
    assert ground.effects("approval") == []
    yes = {"run_id": "approval", "actor": "ann", "groups": ["sre"]}
    assert (await wire.ask("api.runs.approve", yes))["ok"]
    assert (await wire.outcome("approval"))["outcome"] == "succeeded"
    history = (await wire.ask("api.runs.get", {"run_id": "approval"}))["data"]["history"]
    said = [(h["actor"], h["reason"]) for h in history]
    assert any(actor == "eve" and "refused" in reason for actor, reason in said)
    assert any(actor == "ann" and reason == "approved by ann" for actor, reason in said)


async def test_an_emergency_passes_approval_and_stands_out(ground: Ground, wire: Wire) -> None:
    _approved(ground.guide("emergency"))
    await _asked(wire, "emergency", emergency=True, reason="the shop is on fire")
    outcome = await wire.outcome("emergency")
    assert outcome["outcome"] == "succeeded"
    assert outcome["emergency"]
    advanced = await wire.events("deploy.advanced.prod.emergency", 3)
    assert any(
        "an emergency passes approval: the shop is on fire" in e["data"]["reason"] for e in advanced
    )


async def test_stages_are_deployed_verified_and_watched_one_after_another(
    ground: Ground, wire: Wire
) -> None:
    stages = "stages: [{name: canary, weight: 10}, {name: rest, weight: 100}]\n"
    path = ground.guide("stages", more=stages)
    path.write_text(
        path.read_text().replace(
            "switch $GOAROUND_VERSION", "switch $GOAROUND_STAGE_NAME $GOAROUND_STAGE_WEIGHT"
        )
    )
    await _asked(wire, "stages")
    outcome = await wire.outcome("stages")
    assert outcome["outcome"] == "succeeded", outcome["reason"]
    assert ground.effects("stages") == ["switch canary 10", "switch rest 100"]
    deployed = [s["stage"] for s in outcome["timeline"] if s["phase"] == "deploying"]
    assert deployed == ["canary", "rest"]


async def test_a_first_deployment_that_fails_is_taken_away_again(
    ground: Ground, wire: Wire
) -> None:
    path = ground.guide("first", health="exit 3")
    effects = ground.system.workspace / "first.effects"
    first = f"  first:\n    - {{name: away, script: 'echo away >> {effects}', idempotent: true}}\n"
    path.write_text(path.read_text() + first)
    await _asked(wire, "first")
    outcome = await wire.outcome("first")
    assert outcome["outcome"] == "rolled_back"
    assert "nothing ran before it" in outcome["reason"]
    assert ground.effects("first") == ["switch 1", "away"]


async def test_a_first_deployment_without_a_way_back_says_what_is_left(
    ground: Ground, wire: Wire
) -> None:
    ground.guide("first-left", health="exit 3")
    await _asked(wire, "first-left")
    outcome = await wire.outcome("first-left")
    assert outcome["outcome"] == "rollback_failed"
    assert "it was the first deployment" in outcome["rollback"]["left"]


async def test_what_was_adopted_is_the_way_back(ground: Ground, wire: Wire) -> None:
    ground.guide("adopted")
    await _runs_already(wire, "adopted")
    ground.guide("adopted", health='test "$GOAROUND_NOTHING" = ""; exit 3')
    await _asked(wire, "adopted")
    outcome = await wire.outcome("adopted")
    assert outcome["previous_version"] == "0.9"
    assert ground.effects("adopted") == ["switch 1", "back 0.9"]
