"""What is kept of a verdict, what people say of a run, and what is answered about both."""

import base64
import json
from typing import Any

import pytest

from goaround_chassis.errors import Never
from goaround_judge import judge, recording
from goaround_orchestrator.evidence import MOST_LABELS, MOST_RECORDED, on_evidence
from goaround_orchestrator.run import What
from goaround_schemas.phase import Phase
from goaround_schemas.watching import DeployEvidenced
from tests import builders as messages
from tests.orchestrator import builders as build
from tests.orchestrator.office import Office

P = Phase
NATS_HOLDS = 1024 * 1024


def evidenced(run_id: str = "r-1", nth: int = 1, **changes: Any) -> DeployEvidenced:
    usual = {"run_id": run_id, "id": f"evidenced-{run_id}-{nth}", "judged_at": build.at(nth)}
    return messages.message(DeployEvidenced, **{**usual, **changes})


async def watched(*nth: int, phase: Phase = P.WATCHING) -> Office:
    """An office whose run r-1 has come so far, with the evidence of these verdicts."""
    office = Office(messages.guide(watch=messages.watch()))
    await office.request(run_id="r-1")
    await office.bring_to("r-1", phase)
    for n in nth:
        await on_evidence(evidenced(nth=n), office.ledger)
    return office


async def labelled(office: Office, word: str = "bad", **changes: Any) -> dict[str, Any]:
    usual = {"run_id": "r-1", "label": word, "actor": "eve", "because": "carts were empty"}
    return await office.ask("api.runs.label", **{**usual, **changes})


async def test_the_recording_that_was_said_is_given_back_and_replays() -> None:
    office = await watched(1)
    data = (await office.ask("api.runs.evidence", run_id="r-1"))["data"]
    assert data["recording"] == messages.RECORDING
    assert data["evidence_id"] == "evidenced-r-1-1"
    found = recording.read(data["recording"])
    assert judge(found.evidence).model_dump_json()
    (row,) = data["verdicts"]
    assert (row["run_id"], row["phase"], row["colour"]) == ("r-1", "watching", "green")
    assert row["guide_digest"] == (await office.run("r-1")).guide_digest


async def test_the_last_recording_is_given_unless_another_is_asked_for() -> None:
    office = await watched()
    for n in (1, 2, 3):
        text = base64.b64encode(bytes([n])).decode()
        await on_evidence(evidenced(nth=n, recording=text), office.ledger)
    last = (await office.ask("api.runs.evidence", run_id="r-1"))["data"]
    ids = [row["evidence_id"] for row in last["verdicts"]]
    assert ids == ["evidenced-r-1-1", "evidenced-r-1-2", "evidenced-r-1-3"]
    assert (last["evidence_id"], last["recording"]) == (ids[2], "Aw==")
    first = await office.ask("api.runs.evidence", run_id="r-1", evidence_id=ids[0])
    assert (first["data"]["evidence_id"], first["data"]["recording"]) == (ids[0], "AQ==")


async def test_evidence_that_comes_twice_is_kept_once() -> None:
    office = await watched(1, 1)
    assert len((await office.ask("api.evidence.list"))["data"]["rows"]) == 1


async def test_evidence_that_comes_after_the_end_of_its_run_is_kept() -> None:
    office = await watched(phase=P.SUCCEEDED)
    await on_evidence(evidenced(), office.ledger)
    (row,) = (await office.ask("api.evidence.list"))["data"]["rows"]
    assert row["phase"] == "succeeded"


async def test_evidence_of_a_run_that_nobody_knows_is_dropped() -> None:
    office = Office()
    await on_evidence(evidenced("r-9"), office.ledger)
    assert (await office.ask("api.evidence.list"))["data"]["rows"] == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"recording": "!!"}, "no base64"),
        ({"recording": "A" * (MOST_RECORDED + 4)}, "are the most"),
        ({"stage": "a\0"}, "stage: a NUL character"),
    ],
)
async def test_evidence_that_cannot_be_kept_is_put_aside_with_its_reason(
    change: dict[str, Any], why: str
) -> None:
    office = await watched()
    with pytest.raises(Never, match=why):
        await on_evidence(evidenced(**change), office.ledger)
    assert (await office.ask("api.evidence.list"))["data"]["rows"] == []


@pytest.mark.parametrize(
    ("phase", "fields", "why"),
    [
        (P.WATCHING, {"run_id": "r-9"}, "no run has the id 'r-9'; goaround runs lists them"),
        (P.DEPLOYING, {}, "run r-1 is deploying: it has no evidence before a watch"),
        (P.SUCCEEDED, {}, "run r-1 has no evidence: no watch came to a verdict"),
    ],
)
async def test_a_run_without_evidence_is_answered_with_the_reason(
    phase: Phase, fields: dict[str, str], why: str
) -> None:
    office = await watched(phase=phase)
    said = await office.ask("api.runs.evidence", **{"run_id": "r-1", **fields})
    assert (said["ok"], why in said["error"]) == (False, True)


async def test_evidence_of_another_run_is_not_given() -> None:
    office = await watched(1)
    said = await office.ask("api.runs.evidence", run_id="r-1", evidence_id="evidenced-r-2-1")
    assert said["error"] == "run r-1 has no evidence 'evidenced-r-2-1'; it has evidenced-r-1-1"


async def test_evidence_is_listed_in_pages() -> None:
    office = await watched(1, 2, 3)
    first = (await office.ask("api.evidence.list", limit=2))["data"]["rows"]
    after = first[-1]["evidence_id"]
    then = (await office.ask("api.evidence.list", limit=2, after=after))["data"]["rows"]
    ids = [row["evidence_id"] for row in (*first, *then)]
    assert ids == ["evidenced-r-1-3", "evidenced-r-1-2", "evidenced-r-1-1"]
    lost = await office.ask("api.evidence.list", after="e-gone")
    assert lost["error"] == "no evidence has the id 'e-gone'; begin again without `after`"


async def test_a_label_shows_in_the_run_its_history_and_its_evidence() -> None:
    office = await watched(1)
    said = await labelled(office)
    assert said["data"] == {"run_id": "r-1", "what": "run r-1 is labelled bad"}
    detail = (await office.ask("api.runs.get", run_id="r-1"))["data"]
    (label,) = detail["labels"]
    assert (label["label"], label["actor"], label["because"]) == ("bad", "eve", "carts were empty")
    last = detail["history"][-1]
    assert (last["actor"], last["reason"]) == ("eve", "labelled bad by eve: carts were empty")
    assert last["from"] == last["to"] == "watching"
    (row,) = (await office.ask("api.runs.evidence", run_id="r-1"))["data"]["verdicts"]
    assert row["label"] == label


async def test_a_label_said_again_in_the_same_words_is_written_once() -> None:
    office = await watched()
    before = len(await office.ledger.history("r-1"))
    assert await labelled(office) == await labelled(office)
    assert len(await office.ledger.history("r-1")) == before + 1
    await labelled(office, "good", because="it was the network")
    labels = (await office.ask("api.runs.get", run_id="r-1"))["data"]["labels"]
    assert [label["label"] for label in labels] == ["bad", "good"]


@pytest.mark.parametrize("phase", [P.PREFLIGHT, P.DEPLOYING, P.VERIFYING])
async def test_a_run_that_is_not_watched_yet_cannot_be_labelled(phase: Phase) -> None:
    office = await watched(phase=phase)
    said = await labelled(office)
    why = f"run r-1 is {phase}: it can be labelled once it is watched, or has ended"
    assert (said["ok"], said["error"]) == (False, why)
    assert (await office.ask("api.runs.get", run_id="r-1"))["data"]["labels"] == []


async def test_a_run_that_deployed_nothing_cannot_be_labelled() -> None:
    office = await watched(phase=P.PREFLIGHT)
    await office.ask("api.runs.abort", run_id="r-1", actor="eve")
    said = await labelled(office)
    assert said["error"] == "run r-1 is aborted: it deployed nothing that could be good or bad"


async def test_a_run_that_never_came_to_its_watch_is_labelled_once_it_has_ended() -> None:
    office = await watched(phase=P.VERIFYING)
    await office.answer("r-1", What.ASK_HEALTH, good=False)
    assert not (await labelled(office))["ok"]
    await office.bring_to("r-1", P.ROLLED_BACK, P.ROLLBACK_FAILED)
    assert (await labelled(office))["ok"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"run_id": "r-9"}, "no run has the id 'r-9'"),
        ({"because": ""}, "because"),
        ({"because": "x" * 2001}, "because"),
        ({"because": "\0"}, "because: a NUL character is no text"),
        ({"actor": "e\0"}, "actor: a NUL character is no text"),
        ({"label": "so-so"}, "label"),
    ],
)
async def test_a_label_that_is_none_is_refused(change: dict[str, str], why: str) -> None:
    said = await labelled(await watched(), **change)
    assert (said["ok"], why in said["error"]) == (False, True)


async def test_the_largest_answers_fit_into_one_message() -> None:
    office = await watched(*range(500))
    largest = "A" * (MOST_RECORDED // 4 * 4)
    await on_evidence(evidenced(nth=999, recording=largest), office.ledger)
    for n in range(MOST_LABELS + 5):
        said = {"actor": "\x1f" * 200, "because": f"{n}" + "\x1f" * 1990}
        assert (await labelled(office, **said))["ok"]
    asked = json.dumps({"run_id": "r-1", "limit": 500}).encode()
    for subject in ("api.runs.evidence", "api.evidence.list"):
        reply = await office.answers[subject](asked)
        assert json.loads(reply)["ok"]
        assert len(reply) < NATS_HOLDS - 1000
    detail = (await office.ask("api.runs.get", run_id="r-1"))["data"]
    assert len(detail["labels"]) == MOST_LABELS
    assert detail["labels"][-1]["because"].startswith(str(MOST_LABELS + 4))
