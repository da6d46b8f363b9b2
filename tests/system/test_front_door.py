"""Anyone can ask for a deployment with whatever publishes to NATS, and read how it ended."""

import asyncio
import json
from uuid import uuid4

import pytest
from nats.js.api import ConsumerConfig

from tests.system.ground import Ground, Wire

pytestmark = pytest.mark.system


async def test_a_bare_json_object_is_enough(ground: Ground, wire: Wire) -> None:
    ground.guide("bare")
    await wire.publish({"service": "bare", "environment": "prod", "version": "2.4.1"})
    outcome = await wire.outcome("bare")
    assert (outcome["outcome"], outcome["version"]) == ("succeeded", "2.4.1")
    assert ground.effects("bare") == ["switch 2.4.1"]


async def test_a_structured_cloudevent_is_read(ground: Ground, wire: Wire) -> None:
    ground.guide("structured")
    event = {
        "specversion": "1.0",
        "type": "deploy.requested.v1",
        "id": str(uuid4()),
        "source": "ci.example",
        "subject": "order-7",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "data": {
            "run_id": "order-7",
            "service": "structured",
            "environment": "prod",
            "version": "1.0",
        },
    }
    await wire.publish(event)
    (finished,) = await wire.finished("structured")
    assert finished["subject"] == finished["correlationid"] == "order-7"
    assert finished["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    assert finished["data"]["requested_by"] == "ci.example"


async def test_a_binary_cloudevent_is_read(ground: Ground, wire: Wire) -> None:
    ground.guide("binary")
    headers = {
        "ce-specversion": "1.0",
        "ce-type": "deploy.requested.v1",
        "ce-id": str(uuid4()),
        "ce-source": "ci%20example",
    }
    body = {"service": "binary", "environment": "prod", "version": "1.0"}
    await wire.publish(body, **headers)
    outcome = await wire.outcome("binary")
    assert (outcome["outcome"], outcome["requested_by"]) == ("succeeded", "ci example")


async def test_outcomes_are_read_with_a_durable_consumer(ground: Ground, wire: Wire) -> None:
    ground.guide("durable")
    durable = f"outcomes-{uuid4().hex[:8]}"
    config = ConsumerConfig(durable_name=durable, filter_subject="deploy.finished.*.prod.durable")
    first = await wire.js.pull_subscribe(
        "deploy.finished.*.prod.durable", durable=durable, stream="DEPLOY", config=config
    )
    await first.unsubscribe()
    # Nobody listens while the run ends; the durable consumer has kept the place.
    await wire.publish({"service": "durable", "environment": "prod", "version": "1"})
    await wire.outcome("durable")
    again = await wire.js.pull_subscribe_bind(durable=durable, stream="DEPLOY")
    (message,) = await again.fetch(1, timeout=5)
    await message.ack()
    assert message.subject == "deploy.finished.succeeded.prod.durable"
    assert json.loads(message.data)["data"]["version"] == "1"


async def test_the_subject_may_say_where_it_goes(ground: Ground, wire: Wire) -> None:
    ground.guide("addressed")
    await wire.publish({"version": "3"}, subject="deploy.requested.prod.addressed")
    assert (await wire.outcome("addressed"))["outcome"] == "succeeded"


async def test_the_same_run_id_is_the_same_run(ground: Ground, wire: Wire) -> None:
    ground.guide("again")
    body = {"run_id": "once", "service": "again", "environment": "prod", "version": "1"}
    await wire.publish(body)
    await wire.publish(body)
    await wire.outcome("again")
    await wire.publish(body)
    other = {"service": "again", "environment": "prod", "version": "2"}
    await wire.publish(other)
    outcomes = await wire.finished("again", 2)
    assert [o["data"]["version"] for o in outcomes] == ["1", "2"]
    assert ground.effects("again") == ["switch 1", "switch 2"]


async def test_a_run_id_with_another_meaning_is_refused(ground: Ground, wire: Wire) -> None:
    ground.guide("meaning")
    body = {"run_id": "mine", "service": "meaning", "environment": "prod", "version": "1"}
    await wire.publish(body)
    await wire.outcome("meaning")
    await wire.publish({**body, "version": "2"})
    refused = await wire.outcome("meaning", nth=2)
    assert refused["outcome"] == "rejected"
    assert "run id mine was used already" in refused["reason"]
    assert refused["run_id"] != "mine"


async def test_requests_queue_and_each_has_its_turn(ground: Ground, wire: Wire) -> None:
    ground.guide("line")
    versions = [str(v) for v in range(1, 6)]
    for version in versions:
        await wire.publish({"service": "line", "environment": "prod", "version": version})
    outcomes = await wire.finished("line", len(versions))
    assert [o["data"]["outcome"] for o in outcomes] == ["succeeded"] * len(versions)
    assert ground.effects("line") == [f"switch {v}" for v in versions]


async def test_many_services_deploy_beside_one_another(ground: Ground, wire: Wire) -> None:
    names = [f"beside-{i}" for i in range(12)]
    for name in names:
        ground.guide(name)
    for name in names:
        await wire.publish({"service": name, "environment": "prod", "version": "1"})
    outcomes = await asyncio.gather(*(wire.outcome(name) for name in names))
    assert {o["outcome"] for o in outcomes} == {"succeeded"}
