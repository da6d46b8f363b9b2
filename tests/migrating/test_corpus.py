"""The classifier against the corpus: it is right on all of it."""

import pytest

from goaround_migrating import Blocks, Kind, classify
from tests.migrating.corpus import CORPUS, TYPES, Case


@pytest.mark.parametrize("case", CORPUS, ids=lambda c: c.sql[:60])
def test_a_statement_is_judged_as_a_person_would(case: Case) -> None:
    (found,) = classify(case.sql, types=TYPES).statements
    assert (found.kind, found.fit, found.blocks) == (case.kind, case.fit, case.blocks), found.reason
    assert [word for word in case.words if word not in found.reason] == []


def test_the_corpus_is_large_and_holds_no_statement_twice() -> None:
    statements = [case.sql for case in CORPUS]
    assert len(set(statements)) == len(statements) >= 150
    assert {case.kind for case in CORPUS} == set(Kind)


@pytest.mark.parametrize("case", CORPUS, ids=lambda c: c.sql[:60])
def test_whoever_is_locked_out_for_long_is_told_why(case: Case) -> None:
    (found,) = classify(case.sql, types=TYPES).statements
    # What drops a database locks it out for good, and needs no further words.
    if found.blocks in (Blocks.WRITERS, Blocks.EVERYONE) and found.kind not in (
        Kind.UNKNOWN,
        Kind.IRREVERSIBLE,
    ):
        assert found.blocking
    else:
        assert not found.blocking or found.kind is Kind.UNKNOWN
