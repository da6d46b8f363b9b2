import pytest

from goaround_chassis.testing import RecordingPublisher
from goaround_schemas.catalogue import parse
from goaround_schemas.envelope import derived_id, encode
from goaround_schemas.matrix import DeployVerified, Matrix, WorkVerifyData
from goaround_schemas.subjects import subject_of
from goaround_verifier.asking import Examiner, Limits
from goaround_verifier.finding import failed, passed
from goaround_verifier.handlers import Examines, on_dead, on_verify
from goaround_verifier.testing import JumpingPace, PlainSecrets, ScriptedProbe
from tests.verifier.builders import any_check, command, question


def examiner(*script: object) -> Examines:
    probe = ScriptedProbe(*script)  # type: ignore[arg-type]
    return Examiner({"tcp": probe}, PlainSecrets(), JumpingPace(), Limits())


async def test_the_answer_is_tied_to_its_command() -> None:
    asked, kept = command(question()), RecordingPublisher()
    await on_verify(asked, examiner(passed("ok")), kept)
    (answer,) = kept.of(DeployVerified)
    assert answer.id == derived_id("cmd-1", "deploy.verified")
    assert (answer.source, answer.subject) == ("verifier", "run-1")
    assert (answer.causationid, answer.correlationid) == ("cmd-1", "run-1")
    assert answer.traceparent == asked.traceparent
    assert subject_of(answer) == "deploy.verified.prod.checkout"
    assert parse(encode(answer)) == answer


async def test_the_answer_holds_the_matrix() -> None:
    kept = RecordingPublisher()
    asked = command(question(category="liveness"), question(any_check(required=False)))
    await on_verify(asked, examiner(passed("ok"), failed("503")), kept)
    matrix = kept.of(DeployVerified)[0].data.matrix
    assert (matrix.kind, matrix.of, matrix.outcome) == ("health", "2.4.1", "passed")
    assert [(r.category, r.outcome, r.required) for r in matrix.rows] == [
        ("liveness", "passed", True),
        ("smoke", "failed", False),
    ]


async def test_a_repeated_command_is_answered_under_the_same_id() -> None:
    kept = RecordingPublisher()
    for script in (passed("ok"), failed("503")):
        await on_verify(command(question()), examiner(script), kept)
    assert len(kept.published) == 1


async def test_another_command_of_the_run_is_answered_under_another_id() -> None:
    kept = RecordingPublisher()
    for id_ in ("cmd-1", "cmd-2"):
        await on_verify(command(question(), id=id_), examiner(passed("ok")), kept)
    assert len(kept.published) == 2


async def test_an_answer_that_cannot_be_kept_leaves_the_command_to_come_again() -> None:
    class Down:
        async def publish(self, message: object) -> None:
            raise ConnectionError("no acknowledgement")

    with pytest.raises(ConnectionError):
        await on_verify(command(question()), examiner(passed("ok")), Down())


async def test_a_command_that_is_given_up_is_answered_all_the_same() -> None:
    kept = RecordingPublisher()
    await on_dead(command(question()), "RuntimeError: no memory (try 5)", kept)
    (answer,) = kept.of(DeployVerified)
    assert answer.id == derived_id("cmd-1", "deploy.verified")
    assert answer.data.matrix.outcome == "errored"
    assert "no memory" in answer.data.matrix.rows[0].detail


async def test_an_answer_that_is_there_already_stands_against_a_later_giving_up() -> None:
    kept = RecordingPublisher()
    await on_verify(command(question()), examiner(passed("ok")), kept)
    await on_dead(command(question()), "the acknowledgement was lost", kept)
    assert [a.data.matrix.outcome for a in kept.of(DeployVerified)] == ["passed"]


async def test_another_kind_of_message_is_not_answered_when_given_up() -> None:
    kept = RecordingPublisher()
    await on_verify(command(question()), examiner(passed("ok")), kept)
    other = RecordingPublisher()
    await on_dead(kept.published[0], "not for us", other)
    assert not other.published


async def test_the_handler_knows_its_examiner_by_its_protocol_alone() -> None:
    class Says:
        async def examine(self, asked: WorkVerifyData) -> Matrix:
            return Matrix(kind=asked.kind, of=asked.of, outcome="failed", rows=())

    kept = RecordingPublisher()
    await on_verify(command(), Says(), kept)
    assert kept.of(DeployVerified)[0].data.matrix.outcome == "failed"
