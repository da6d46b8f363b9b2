"""Who becomes a run, who waits, who gives way: by the guide, and by what is under way."""

from typing import Any

import pytest

from goaround_orchestrator.admission import Admission, Facts, admit, refused, trace_for
from goaround_orchestrator.frontdoor import Refusal, Request
from goaround_orchestrator.lifecycle import Asked, Enqueue, GiveWay, Refuse, decide
from goaround_orchestrator.run import Run
from goaround_schemas.guide import Approval, Environment, Guide, Policy, RollbackProcedure
from goaround_schemas.phase import Phase
from goaround_schemas.request import DeployRequestedData
from tests import builders as messages
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at

P = Phase
TOUCHED = (P.DEPLOYING, P.VERIFYING, P.WATCHING, P.HELD)


def request(**changes: Any) -> Request:
    usual = {"run_id": "r-new", "service": "checkout", "environment": "prod", "version": "2.4.1"}
    data = DeployRequestedData.model_validate({**usual, "requested_by": "ada", **changes})
    return Request(data=data, cause="m-1", traceparent=None, warnings=("one warning",))


def guide(when_busy: str = "queue", **changes: Any) -> Guide:
    return messages.guide(policy=Policy.model_validate({"when_busy": when_busy}), **changes)


def facts(active: Run | None = None, *queued: Run, **changes: Any) -> Facts:
    usual: dict[str, Any] = {
        "guide": build.pinned(guide(changes.pop("when_busy", "queue"))),
        "guide_error": None,
        "same_id": None,
    }
    return Facts(active=active, queued=queued, **{**usual, **changes})


def active(phase: Phase, **changes: Any) -> Run:
    return build.in_phase(phase, id="r-active", **changes)


def waiting(id_: str, **changes: Any) -> Run:
    return decide(build.run(id=id_, **changes), Enqueue("r-active"), at()).run


def reason(admission: Admission) -> str:
    assert isinstance(admission.first, Refuse)
    return admission.first.reason


def test_a_request_whose_place_is_free_begins_at_once_by_its_guide() -> None:
    said = admit(request(), facts(), at(5))
    assert said.first is None
    assert said.others == ()
    run = said.run
    assert run is not None
    assert (run.id, run.phase, run.requested_by) == ("r-new", P.REQUESTED, "ada")
    assert (run.requested_at, run.phase_since) == (at(5), at(5))
    assert run.guide_digest == build.pinned(guide()).digest
    assert run.plan is not None
    assert run.warnings == ("one warning",)
    assert run.traceparent == trace_for("r-new")


def test_an_unknown_service_is_refused_with_what_the_guides_say() -> None:
    said = admit(request(), facts(guide=None, guide_error="no guide for checkout in ./g"), at())
    assert reason(said) == "no guide for checkout in ./g"
    assert said.run is not None
    assert said.run.guide_digest is None


def test_an_unknown_environment_is_refused_with_those_that_are_known() -> None:
    said = admit(request(environment="moon"), facts(), at())
    assert reason(said) == "checkout.yaml knows no environment 'moon'; it knows prod"


def test_a_template_without_a_value_is_refused_before_anything_runs() -> None:
    way = RollbackProcedure(steps=(messages.step("back", run=("./release", "{vars.nowhere}")),))
    broken = build.pinned(guide(rollback=way))
    said = admit(request(), facts(guide=broken), at())
    assert reason(said).startswith("checkout.yaml, for 2.4.1 in prod: {vars.nowhere}: not among")


def test_a_repeated_run_id_of_the_same_content_is_the_same_run() -> None:
    known = build.run(id="r-new", request_digest=request().digest)
    assert admit(request(), facts(same_id=known), at()) == Admission(run=None)


def test_a_repeated_run_id_of_other_content_is_refused_under_an_id_of_its_own() -> None:
    known = build.run(id="r-new", request_digest="another")
    said = admit(request(), facts(same_id=known), at())
    assert reason(said) == (
        "run id r-new was used already for checkout 2.0.0 in prod; "
        "give this request another run_id, or none"
    )
    assert said.run is not None
    assert said.run.id != "r-new"


@pytest.mark.parametrize("phase", [P.PREFLIGHT, *TOUCHED, P.ROLLING_BACK, P.RECORDING])
def test_by_default_a_request_waits_behind_the_run_under_way(phase: Phase) -> None:
    said = admit(request(), facts(active(phase)), at())
    assert (said.first, said.others) == (Enqueue("r-active"), ())


def test_a_request_does_not_pass_those_who_wait_where_the_place_has_just_become_free() -> None:
    said = admit(request(), facts(None, waiting("r-1"), waiting("r-2")), at())
    assert said.first == Enqueue("r-1")


@pytest.mark.parametrize("changes", [{"emergency": True, "reason": "x"}, {"kind": "rollback"}])
def test_an_emergency_and_a_rollback_pass_those_who_wait(changes: dict[str, Any]) -> None:
    said = admit(request(**changes), facts(None, waiting("r-1")), at())
    assert (said.first, said.others) == (None, ())


def test_a_busy_place_rejects_where_the_guide_says_so() -> None:
    said = admit(request(), facts(active(P.WATCHING), when_busy="reject"), at())
    assert reason(said) == (
        "run r-active (checkout 2.0.0 in prod) is watching, and the guide says reject"
    )


@pytest.mark.parametrize("phase", [P.PREFLIGHT, P.AWAITING_APPROVAL])
def test_a_later_request_takes_the_place_of_one_that_changed_nothing(phase: Phase) -> None:
    queued = (waiting("r-1"), waiting("r-2", emergency=True), waiting("r-3", kind="rollback"))
    said = admit(request(), facts(active(phase), *queued, when_busy="supersede"), at())
    assert said.first is None
    assert [id_ for id_, _ in said.others] == ["r-active", "r-1"]
    assert all(isinstance(what, GiveWay) and what.to == "r-new" for _, what in said.others)


def test_a_later_request_takes_the_place_of_those_who_wait_behind_a_run_that_must_end() -> None:
    said = admit(request(), facts(active(P.WATCHING), waiting("r-1"), when_busy="supersede"), at())
    assert said.first == Enqueue("r-active")
    assert [id_ for id_, _ in said.others] == ["r-1"]


def test_an_emergency_gives_way_to_no_ordinary_request() -> None:
    urgent = active(P.PREFLIGHT, emergency=True, request_reason="x")
    said = admit(request(), facts(urgent, when_busy="supersede"), at())
    assert (said.first, said.others) == (Enqueue("r-active"), ())


@pytest.mark.parametrize("queued", [(), ("r-9",)])
def test_superseding_in_a_place_just_become_free(queued: tuple[str, ...]) -> None:
    urgent = tuple(waiting(id_, emergency=True) for id_ in queued)
    said = admit(request(), facts(None, waiting("r-1"), *urgent, when_busy="supersede"), at())
    assert [id_ for id_, _ in said.others] == ["r-1"]
    assert (said.first is None) == (not queued)


@pytest.mark.parametrize("when_busy", ["queue", "reject", "supersede"])
def test_an_emergency_goes_before_what_changed_nothing_and_first_behind_the_rest(
    when_busy: str,
) -> None:
    urgent = request(emergency=True, reason="card payments are down")
    early = admit(urgent, facts(active(P.PREFLIGHT), when_busy=when_busy), at())
    assert early.first is None
    gives = GiveWay("r-new", "an emergency: card payments are down")
    assert early.others == (("r-active", gives),)
    late = admit(urgent, facts(active(P.WATCHING), when_busy=when_busy), at())
    assert late.first == Enqueue("r-active, first in the queue")
    assert late.run is not None
    assert late.run.emergency


@pytest.mark.parametrize("phase", TOUCHED)
def test_a_rollback_turns_the_run_under_way_and_becomes_it(phase: Phase) -> None:
    said = admit(request(kind="rollback", reason="it leaks"), facts(active(phase)), at())
    assert said.first == GiveWay("r-active", "it is under way and goes around")
    assert said.others == (("r-active", Asked("rollback", actor="ada", reason="it leaks")),)
    _, what = said.others[0]
    assert decide(active(phase), what, at(60)).run.phase is P.ROLLING_BACK


@pytest.mark.parametrize("phase", [P.PREFLIGHT, P.AWAITING_APPROVAL])
def test_a_rollback_goes_before_a_run_that_changed_nothing(phase: Phase) -> None:
    said = admit(request(kind="rollback"), facts(active(phase)), at())
    assert said.first is None
    assert said.others == (("r-active", GiveWay("r-new", "a rollback was asked for")),)


def test_a_rollback_waits_for_a_run_that_is_about_to_succeed() -> None:
    said = admit(request(kind="rollback"), facts(active(P.RECORDING)), at())
    assert (said.first, said.others) == (Enqueue("r-active"), ())


@pytest.mark.parametrize("when_busy", ["reject", "supersede"])
def test_a_rollback_is_never_blocked_by_the_policy(when_busy: str) -> None:
    turning = facts(active(P.VERIFYING_ROLLBACK), when_busy=when_busy)
    said = admit(request(kind="rollback"), turning, at())
    assert isinstance(said.first, GiveWay)


def refusal(**changes: Any) -> Refusal:
    usual: dict[str, Any] = {
        "run_id": "r-bad",
        "service": "checkout",
        "environment": "prod",
        "version": "--help",
        "requested_by": "ada",
        "cause": "m-1",
        "reason": "version: no",
    }
    return Refusal(**{**usual, **changes})


def test_a_bad_request_is_a_run_that_was_refused() -> None:
    said = refused(refusal(), None, at(5))
    assert reason(said) == "version: no"
    assert said.run is not None
    assert (said.run.id, said.run.version, said.run.requested_at) == ("r-bad", "--help", at(5))
    assert decide(said.run, Refuse("version: no"), at(5)).run.phase is P.REJECTED


def test_a_bad_request_never_touches_the_run_that_has_its_id() -> None:
    said = refused(refusal(), build.run(id="r-bad"), at(5))
    assert said.run is not None
    assert said.run.id != "r-bad"
    assert said == refused(refusal(), build.run(id="r-bad"), at(5))


def test_the_environments_own_approval_is_what_the_run_goes_by() -> None:
    approval = Approval.model_validate({"from": ("sre",)})
    environments = {"prod": Environment(vars={"base": "x"}, approval=approval)}
    pinned = build.pinned(guide(environments=environments))
    said = admit(request(), facts(guide=pinned), at())
    assert said.run is not None
    assert said.run.the_plan.approval == approval
