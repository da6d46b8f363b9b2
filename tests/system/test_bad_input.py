"""Bad input gets a clear error that says what to do, and nothing is lost."""

# nats-py leaves parts of its signatures without types.
# pyright: reportUnknownMemberType=false

import asyncio
import json
from typing import Any, cast

import nats
import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from tests.system.ground import Ground, Wire

pytestmark = pytest.mark.system


def _body(service: str, **more: object) -> dict[str, Any]:
    return {"service": service, "environment": "prod", "version": "1.0", **more}


async def test_an_unknown_service_is_rejected_with_what_is_there(
    ground: Ground, wire: Wire
) -> None:
    ground.guide("checkout")
    await wire.publish(_body("checkuot"))
    reason = (await wire.outcome("checkuot"))["reason"]
    assert "no guide for 'checkuot'" in reason
    assert "did you mean 'checkout'?" in reason


async def test_an_unknown_environment_is_rejected_with_those_there_are(
    ground: Ground, wire: Wire
) -> None:
    ground.guide("moonless")
    await wire.publish({**_body("moonless"), "environment": "moon"})
    (event,) = await wire.events("deploy.finished.*.moon.moonless", 1)
    assert event["data"]["reason"] == "moonless.yaml knows no environment 'moon'; it knows prod"


async def test_a_guide_with_a_typo_is_rejected_with_its_place(ground: Ground, wire: Wire) -> None:
    path = ground.guide("typo")
    path.write_text(path.read_text().replace("timeout:", "timeuot:"))
    await wire.publish(_body("typo"))
    reason = (await wire.outcome("typo"))["reason"]
    assert "typo.yaml:6:" in reason
    assert "did you mean 'timeout'?" in reason


async def test_an_unknown_template_is_rejected_before_anything_runs(
    ground: Ground, wire: Wire
) -> None:
    path = ground.guide(
        "template", more="docs: docs/shop.md\nrecord: {changelog: '{verison}.md'}\n"
    )
    await wire.publish(_body("template"))
    reason = (await wire.outcome("template"))["reason"]
    assert "verison" in reason
    assert "did you mean" in reason
    assert path.exists()
    assert ground.effects("template") == []


async def test_a_huge_guide_is_rejected_by_its_size(ground: Ground, wire: Wire) -> None:
    path = ground.guide("huge")
    path.write_text(path.read_text() + "# " + "x" * 5_000_000 + "\n")
    await wire.publish(_body("huge"))
    assert "256 KiB" in (await wire.outcome("huge"))["reason"]


async def test_a_duplicate_step_name_is_rejected(ground: Ground, wire: Wire) -> None:
    path = ground.guide("double")
    step = "    - {name: switch, run: [echo]}\n"
    path.write_text(path.read_text().replace("verify:", f"{step}verify:", 1))
    await wire.publish(_body("double"))
    assert "the step 'switch' stands twice" in (await wire.outcome("double"))["reason"]


@pytest.mark.parametrize(
    ("service", "wrong", "said"),
    [
        ("lacks", {"version": None}, "version"),
        ("blank", {"version": "--help"}, "version"),
        ("kindly", {"kind": "dance"}, "kind"),
        ("hasty", {"emergency": True}, "an emergency needs a reason"),
        ("soon", {"watch_period": "a while"}, "write for example 90s"),
    ],
)
async def test_a_field_that_is_wrong_is_named(
    ground: Ground, wire: Wire, service: str, wrong: dict[str, Any], said: str
) -> None:
    ground.guide(service)
    body = {k: v for k, v in _body(service, **wrong).items() if v is not None}
    await wire.publish(body)
    outcome = await wire.outcome(service)
    assert outcome["outcome"] == "rejected"
    assert said in outcome["reason"]
    assert ground.effects(service) == []


async def test_an_unknown_field_is_ignored_and_told(ground: Ground, wire: Wire) -> None:
    ground.guide("extra")
    await wire.publish(_body("extra", watchperiod="5m"))
    outcome = await wire.outcome("extra")
    assert outcome["outcome"] == "succeeded"
    warning = "unknown field 'watchperiod' was ignored; did you mean 'watch_period'?"
    assert warning in outcome["warnings"]


async def test_the_running_version_is_rejected_unless_asked_for(ground: Ground, wire: Wire) -> None:
    ground.guide("same")
    await wire.publish(_body("same"))
    await wire.outcome("same")
    await wire.publish(_body("same"))
    second = await wire.outcome("same", nth=2)
    assert second["outcome"] == "rejected"
    assert "1.0 is the version that runs" in second["reason"]
    await wire.publish(_body("same", redeploy=True))
    assert (await wire.outcome("same", nth=3))["outcome"] == "succeeded"


async def test_what_is_nobodys_goes_to_the_dead_letters(ground: Ground, wire: Wire) -> None:
    admin = await nats.connect(ground.system.url_for("admin"), inbox_prefix=b"_INBOX_admin")
    try:
        js = admin.jetstream()
        before = (await js.stream_info("DEAD")).state.last_seq
        bad = [b"not json", b"[]", b"{}", b'{"service": "Not A Label", "environment": "prod"}']
        bad.append(json.dumps({"specversion": "1.0", "type": "coffee.brewed.v1"}).encode())
        for body in bad:
            await wire.publish(body)
        reasons = [await _reason(js, before + 1 + i) for i in range(len(bad))]
        assert any("not JSON" in r for r in reasons), reasons
        assert any("JSON object, not list" in r for r in reasons)
        assert any("no data object" in r for r in reasons)
    finally:
        await admin.close()


async def _reason(js: JetStreamContext, sequence: int) -> str:
    async with asyncio.timeout(20):
        while True:
            try:
                message = await js.get_msg("DEAD", sequence)
            except NotFoundError:
                await asyncio.sleep(0.05)
                continue
            assert message.subject == "dead.deploy.requested"
            headers = cast("dict[str, str]", message.headers)
            return headers["goaround-error"]


async def test_a_step_that_does_not_exist_goes_around(ground: Ground, wire: Wire) -> None:
    path = ground.guide("missing")
    await wire.publish(_body("missing"))
    await wire.outcome("missing")
    tool = "    - {name: tool, run: [no-such-program]}\n    - {name: switch,"
    path.write_text(path.read_text().replace("    - {name: switch,", tool, 1))
    await wire.publish(_body("missing", version="2.0"))
    outcome = await wire.outcome("missing", nth=2)
    assert outcome["outcome"] == "rolled_back"
    assert "no-such-program" in outcome["reason"]


async def test_a_step_that_never_ends_is_stopped_at_its_timeout(ground: Ground, wire: Wire) -> None:
    ground.guide("endless")
    await wire.publish(_body("endless"))
    await wire.outcome("endless")
    ground.guide("endless", before="sleep 3600", timeout="1s")
    await wire.publish(_body("endless", version="2.0"))
    outcome = await wire.outcome("endless", nth=2)
    assert outcome["outcome"] == "rolled_back"
    assert "1 s" in outcome["reason"]
    assert ground.effects("endless") == ["switch 1.0", "back 1.0"]


async def test_a_step_that_prints_without_end_is_heard_to_its_end(
    ground: Ground, wire: Wire
) -> None:
    ground.guide("loud", before='head -c 100000000 /dev/zero | tr "\\\\0" x')
    await wire.publish(_body("loud"))
    outcome = await wire.outcome("loud")
    assert outcome["outcome"] == "succeeded", outcome["reason"]


async def test_a_check_that_hangs_ends_by_its_timeout(ground: Ground, wire: Wire) -> None:
    ground.guide("hangs")
    await wire.publish(_body("hangs"))
    await wire.outcome("hangs")
    path = ground.guide("hangs", health="sleep 3600")
    path.write_text(path.read_text().replace("retries: 0", "retries: 0, timeout: 300ms"))
    await wire.publish(_body("hangs", version="2.0"))
    outcome = await wire.outcome("hangs", nth=2)
    # The previous version's health is asked by the same check: that it cannot be told is a no.
    assert outcome["outcome"] == "rollback_failed"
    assert "not proven healthy" in outcome["reason"]
