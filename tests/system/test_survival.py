"""Whatever is killed in mid-run, the run ends, and ends right."""

import os
import signal

import pytest

from goaround.local import Part
from tests.system.ground import Ground, Wire, metric, until
from tests.system.metrics import served, watch

pytestmark = pytest.mark.system

WAIT = "while [ ! -e {flag} ]; do sleep 0.05; done"


async def _first(ground: Ground, wire: Wire, service: str) -> None:
    """Have version 1 run, so that there is something to come back to."""
    ground.guide(service)
    await wire.publish({"service": service, "environment": "prod", "version": "1"})
    assert (await wire.outcome(service))["outcome"] == "succeeded"


async def _second(wire: Wire, service: str) -> None:
    await wire.publish({"service": service, "environment": "prod", "version": "2"})


def _kill(ground: Ground, service: str) -> Part:
    part = ground.part(service)
    part.kill()
    return part


def _again(ground: Ground, part: Part) -> None:
    ground.system.respawn(part)
    ground.system.wait_ready()


async def test_a_verifier_killed_in_mid_check_is_replaced_by_another(
    ground: Ground, wire: Wire
) -> None:
    await _first(ground, wire, "kill-verifier")
    flag = ground.flag("kill-verifier")
    path = ground.guide("kill-verifier", health=WAIT.format(flag=flag))
    path.write_text(path.read_text().replace("retries: 0", "retries: 0, timeout: 60s"))
    await _second(wire, "kill-verifier")
    await wire.reached("kill-verifier", "verifying")
    dead = _kill(ground, "verifier")
    flag.touch()
    _again(ground, dead)
    assert (await wire.outcome("kill-verifier", 2))["outcome"] == "succeeded"
    assert ground.effects("kill-verifier") == ["switch 1", "switch 2"]


async def test_an_idempotent_step_of_a_killed_deployer_is_done_by_another(
    ground: Ground, wire: Wire
) -> None:
    await _first(ground, wire, "kill-deployer")
    flag, begun = ground.flag("kill-deployer"), ground.flag("kill-deployer-begun")
    ground.guide("kill-deployer", before=f"touch {begun}; {WAIT.format(flag=flag)}")
    await _second(wire, "kill-deployer")
    await until(begun.exists)
    dead = _kill(ground, "deployer")
    flag.touch()
    _again(ground, dead)
    assert (await wire.outcome("kill-deployer", 2))["outcome"] == "succeeded"
    assert ground.effects("kill-deployer") == ["switch 1", "switch 2"]


async def test_a_step_that_may_not_be_done_twice_goes_around_when_its_deployer_is_killed(
    ground: Ground, wire: Wire
) -> None:
    await _first(ground, wire, "kill-once")
    flag, begun = ground.flag("kill-once"), ground.flag("kill-once-begun")
    ground.guide("kill-once", before=f"touch {begun}; {WAIT.format(flag=flag)}", idempotent=False)
    await _second(wire, "kill-once")
    await until(begun.exists)
    dead = _kill(ground, "deployer")
    flag.touch()
    _again(ground, dead)
    outcome = await wire.outcome("kill-once", 2)
    assert outcome["outcome"] == "rolled_back"
    assert "unknown" in outcome["reason"]
    assert ground.effects("kill-once") == ["switch 1", "back 1"]


async def test_an_orchestrator_killed_in_mid_run_finds_every_run_again(
    ground: Ground, wire: Wire
) -> None:
    await _first(ground, wire, "kill-orchestrator")
    flag, begun = ground.flag("kill-orchestrator"), ground.flag("kill-orchestrator-begun")
    ground.guide("kill-orchestrator", before=f"touch {begun}; {WAIT.format(flag=flag)}")
    await _second(wire, "kill-orchestrator")
    await until(begun.exists)
    dead = _kill(ground, "orchestrator")
    flag.touch()
    _again(ground, dead)
    assert (await wire.outcome("kill-orchestrator", 2))["outcome"] == "succeeded"
    assert ground.effects("kill-orchestrator") == ["switch 1", "switch 2"]


async def test_a_watcher_killed_in_mid_watch_hands_its_watch_on(ground: Ground, wire: Wire) -> None:
    await _first(ground, wire, "kill-watcher")
    with served() as page:
        ground.guide("kill-watcher", watch=watch(page))
        await _second(wire, "kill-watcher")
        await wire.reached("kill-watcher", "watching")
        await wire.events("deploy.observed.prod.kill-watcher", 3)
        _again(ground, _kill(ground, "watcher"))
        outcome = await wire.outcome("kill-watcher", 2)
        assert outcome["outcome"] == "succeeded", outcome["reason"]
        assert outcome["watch"]["colour"] == "green"


async def test_a_red_watch_is_seen_by_the_watcher_that_took_over(
    ground: Ground, wire: Wire
) -> None:
    await _first(ground, wire, "red-watcher")
    with served() as page:
        ground.guide("red-watcher", watch=watch(page, period="20s"))
        await _second(wire, "red-watcher")
        await wire.events("deploy.observed.prod.red-watcher", 3)
        dead = _kill(ground, "watcher")
        page.fail(80)
        _again(ground, dead)
        outcome = await wire.outcome("red-watcher", 2)
        assert outcome["outcome"] == "rolled_back", outcome["reason"]
        assert outcome["watch"]["colour"] == "red"
        assert outcome["watch"]["deciding"] == "errors"
    assert ground.effects("red-watcher") == ["switch 1", "switch 2", "back 1"]


async def test_a_run_is_recorded_by_the_scribe_that_comes_back(ground: Ground, wire: Wire) -> None:
    more = "record: {changelog: kill-scribe.md}\n"
    ground.guide("kill-scribe", more=more)
    dead = _kill(ground, "scribe")
    await wire.publish({"service": "kill-scribe", "environment": "prod", "version": "1"})
    await wire.reached("kill-scribe", "recording")
    _again(ground, dead)
    outcome = await wire.outcome("kill-scribe")
    assert outcome["outcome"] == "succeeded"
    assert any("kill-scribe.md" in where for where in outcome["record"])
    text = (ground.system.workspace / "kill-scribe.md").read_text()
    assert text.count(f"goaround:run:{outcome['run_id']}") <= 1
    assert "kill-scribe" in text


async def test_a_notice_is_told_once_by_the_notifier_that_comes_back(
    ground: Ground, wire: Wire
) -> None:
    with served() as page:
        more = f"notify: [{{name: board, to: '{page.url}', when: [started, finished]}}]\n"
        ground.guide("kill-notifier", more=more)
        dead = _kill(ground, "notifier")
        await wire.publish({"service": "kill-notifier", "environment": "prod", "version": "1"})
        outcome = await wire.outcome("kill-notifier")
        assert outcome["outcome"] == "succeeded"
        _again(ground, dead)
        await until(lambda: len(page.notices) >= 2)
        assert sorted(n["moment"] for n in page.notices) == ["finished", "started"]


async def test_a_dead_channel_never_holds_a_run_up(ground: Ground, wire: Wire) -> None:
    more = "notify: [{name: nobody, to: 'http://127.0.0.1:9', when: [started, finished]}]\n"
    ground.guide("dead-channel", more=more)
    await wire.publish({"service": "dead-channel", "environment": "prod", "version": "1"})
    outcome = await wire.outcome("dead-channel", within_s=20)
    assert outcome["outcome"] == "succeeded"
    (preflight,) = [m for m in outcome["verification"] if m["kind"] == "preflight"]
    (row,) = [r for r in preflight["rows"] if r["category"] == "stakeholders"]
    assert row["outcome"] == "warned"


@pytest.mark.parametrize("server", ["nats", "postgres"])
async def test_a_server_killed_in_mid_run_costs_time_and_nothing_else(
    ground: Ground, wire: Wire, server: str
) -> None:
    service = f"kill-{server}"
    await _first(ground, wire, service)
    flag, begun = ground.flag(service), ground.flag(f"{service}-begun")
    ground.guide(service, before=f"touch {begun}; {WAIT.format(flag=flag)}")
    await _second(wire, service)
    await until(begun.exists)
    servers = ground.system.servers
    pid = {"nats": servers.nats.pid, "postgres": servers.postgres.pid}[server]()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    flag.touch()
    {"nats": servers.nats.start, "postgres": servers.postgres.start}[server]()
    assert (await wire.outcome(service, 2))["outcome"] == "succeeded"
    assert ground.effects(service) == ["switch 1", "switch 2"]


async def test_a_second_verifier_and_a_second_watcher_take_their_share_in_mid_run(
    ground: Ground, wire: Wire
) -> None:
    with served() as page:
        names = [f"share-{i}" for i in range(8)]
        flag = ground.flag("share")
        for name in names:
            path = ground.guide(name, health=WAIT.format(flag=flag), watch=watch(page))
            path.write_text(path.read_text().replace("retries: 0", "retries: 0, timeout: 60s"))
            await wire.publish({"service": name, "environment": "prod", "version": "1"})
        await wire.reached(names[0], "verifying")
        firsts = [ground.part("verifier"), ground.part("watcher")]
        seconds = [ground.system.spawn("verifier"), ground.system.spawn("watcher")]
        ground.system.wait_ready()
        before = {p.name: metric(p, "goaround_messages_total") for p in firsts}
        more = [f"share-more-{i}" for i in range(16)]
        for name in more:
            ground.guide(name)
            await wire.publish({"service": name, "environment": "prod", "version": "1"})
        flag.touch()
        for name in (*names, *more):
            outcome = await wire.outcome(name)
            assert outcome["outcome"] == "succeeded", outcome["reason"]
        for part in (*firsts, *seconds):
            handled = metric(part, "goaround_messages_total")
            assert handled > before.get(part.name, 0), f"{part.name} did nothing"
        for part in seconds:
            part.process.terminate()
            part.process.wait(30)
            ground.system.parts.remove(part)


async def test_an_operator_aborts_a_run_that_hangs_and_it_goes_around(
    ground: Ground, wire: Wire
) -> None:
    await _first(ground, wire, "abort")
    begun = ground.flag("abort-begun")
    ground.guide("abort", before=f"touch {begun}; sleep 3600", timeout="2h")
    await wire.publish(
        {"run_id": "hangs", "service": "abort", "environment": "prod", "version": "2"}
    )
    await until(begun.exists)
    reply = await wire.ask("api.runs.abort", {"run_id": "hangs", "actor": "ann", "reason": "stuck"})
    assert reply["ok"], reply
    outcome = await wire.outcome("abort", 2)
    assert outcome["outcome"] == "rolled_back"
    assert outcome["rollback"]["trigger"] == "aborted by ann: stuck"
    assert ground.effects("abort") == ["switch 1", "back 1"]


async def test_what_ran_is_rolled_back_on_request_as_a_run_of_its_own(
    ground: Ground, wire: Wire
) -> None:
    await _first(ground, wire, "undo")
    await _second(wire, "undo")
    assert (await wire.outcome("undo", 2))["outcome"] == "succeeded"
    body = {"kind": "rollback", "service": "undo", "environment": "prod", "requested_by": "ann"}
    await wire.publish(body)
    outcome = await wire.outcome("undo", 3)
    assert (outcome["kind"], outcome["outcome"]) == ("rollback", "rolled_back")
    assert (outcome["version"], outcome["previous_version"]) == ("2", "1")
    assert ground.effects("undo") == ["switch 1", "switch 2", "back 1"]
    running = await wire.ask("api.services.list", {"service": "undo"})
    assert running["data"]["running"][0]["version"] == "1"
