"""What it takes to call a revert proven: by tables."""

from __future__ import annotations

import pytest

from goaround_deployer.procedure import Target
from goaround_deployer.proof import Proof, astray, proof, there
from goaround_deployer.runner import Attempt
from goaround_deployer.seen import Seen
from goaround_deployer.sight import Sight
from goaround_migrating import Fingerprint
from goaround_schemas.procedure import Reverted


def catalogue(*columns: str) -> Fingerprint:
    return Fingerprint.of({"column": {f"orders.{c}": {"type": "text"} for c in columns}})


OLD, NEW, HALF = catalogue("id"), catalogue("id", "note", "at"), catalogue("id", "note")
SEEN = Target(
    "A",
    "B",
    moved=True,
    fingerprint=OLD.digest,
    fingerprint_after=NEW.digest,
    seen=Seen(fingerprint=OLD),
)
BLIND = Target("A", "B", moved=True)
DIGEST_ONLY = Target("A", "B", moved=True, fingerprint=OLD.digest)
DONE = Attempt("done", "exit code 0")
FAILED = Attempt("failed", "exit code 1; it printed: boom")


@pytest.mark.parametrize(
    ("attempt", "revision", "found", "target", "outcome", "goes_on", "says"),
    [
        (DONE, "A", OLD, SEEN, "done", False,
         f"from B back to A; its fingerprint is the one of before ({OLD.digest})"),
        (DONE, "A", None, BLIND, "done", False, "only the revision was compared"),
        (DONE, "A", NEW, BLIND, "done", False, "only the revision was compared"),
        # The form is proven, whatever the tool's exit code says.
        (FAILED, "A", OLD, SEEN, "done", False, "although the revert ended failed (exit code 1"),
        # By its word it is back, and the catalogue says no: the code goes back all the same.
        (DONE, "A", HALF, SEEN, "failed", True,
         "but the schema is not as it was before the deployment: column orders.note should not"),
        (DONE, "A", HALF, DIGEST_ONLY, "failed", True, "what differs cannot be told"),
        (DONE, "A", None, SEEN, "errored", True, "which is not proven: no answer"),
        # It is somewhere else.
        (DONE, "C", None, BLIND, "failed", False, "the schema is at C, not at A"),
        (DONE, "C", OLD, SEEN, "failed", True, "at C, not at A; by its fingerprint it is as befo"),
        (DONE, None, HALF, SEEN, "failed", False, "at a revision that nobody tells (exit code 2)"),
        # Half-way.
        (FAILED, "A", None, BLIND, "failed", False, "at A, which is where it was (A)"),
        (FAILED, "B", NEW, SEEN, "failed", False,
         "ended failed (exit code 1; it printed: boom); the schema is at B, which is not where it "
         "was (A); by its fingerprint it is as the deployment left it: nothing was taken back"),
        (FAILED, "B", HALF, SEEN, "failed", False, "it is in between"),
        (FAILED, "B", OLD, SEEN, "failed", False, "it is as before the deployment"),
        (Attempt("unknown", "lost"), "B", HALF, SEEN, "unknown", False, "ended unknown (lost)"),
    ],
)  # fmt: skip
def test_how_a_revert_ended_is_told_by_the_schema(
    attempt: Attempt,
    revision: str | None,
    found: Fingerprint | None,
    target: Target,
    outcome: str,
    goes_on: bool,
    says: str,
) -> None:
    now = Sight(revision, found, unsaid="exit code 2", unseen="no answer")
    told = proof(attempt, now, target, "B")

    assert (told.outcome, told.goes_on) == (outcome, goes_on)
    assert told.reverted.outcome == ("reverted_verified" if outcome == "done" else "revert_failed")
    assert says in told.reverted.reason


def test_what_differs_is_told_in_sentences_as_many_as_a_record_can_bear() -> None:
    wide = catalogue("id", *(f"c{n:03}" for n in range(60)))
    told = proof(DONE, Sight("A", wide), SEEN, "B").reverted

    assert told.difference[0] == "column orders.c000 should not be there"
    assert len(told.difference) == 41
    assert told.difference[-1] == "and 20 more"


def test_columns_in_another_order_are_the_same_schema_and_are_told() -> None:
    def ordered(*columns: str) -> Fingerprint:
        return Fingerprint.of({"table": {"orders": {"columns": list(columns)}}})

    before = ordered("id", "note", "at")
    target = Target("A", "B", moved=True, fingerprint=before.digest, seen=Seen(fingerprint=before))
    told = proof(DONE, Sight("A", ordered("id", "at", "note")), target, "B")

    assert told.reverted.outcome == "reverted_verified"
    assert "the columns of table orders stand in another order" in told.reverted.reason


@pytest.mark.parametrize(
    ("now", "begun", "expected"),
    [
        (Sight("A", OLD), False, f"at A as before: nothing to revert; its fingerprint is the one "
                                 f"of before ({OLD.digest})"),
        (Sight("A", OLD), True, f"back at A; its fingerprint is the one of before ({OLD.digest})"),
        (Sight(None, OLD, unsaid="x"), True, f"back at the catalogue of A (`current` does not "
                                 f"tell); its fingerprint is the one of before ({OLD.digest})"),
    ],
)  # fmt: skip
def test_a_schema_that_is_where_it_was_is_proven_too(
    now: Sight, begun: bool, expected: str
) -> None:
    told = there(now, SEEN, begun=begun)
    assert told == Proof("done", Reverted(outcome="reverted_verified", reason=expected))


def test_a_catalogue_that_belies_the_revision_is_a_failure_of_the_schema_alone() -> None:
    told = astray(Sight("A", HALF), SEEN, "`current` says A")
    assert (told.outcome, told.goes_on) == ("failed", True)
    assert told.reverted.difference == ("column orders.note should not be there",)
