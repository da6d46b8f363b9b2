"""What a run says on the page of its service."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from goaround_schemas.phase import Phase
from goaround_scribe.configfile import ConfigFile, config_file
from goaround_scribe.documentation import news_of
from goaround_scribe.memory import News, State, advanced
from goaround_scribe.outline import outline
from goaround_scribe.section import END, START, find, written
from tests.builders import (
    NOON,
    at,
    matrix,
    pending_migration,
    reverted,
    rollback_summary,
    signal_summary,
    span,
    watch_summary,
)
from tests.scribe.builders import GUIDE, record_of

BACK: dict[str, Any] = {"outcome": "rolled_back", "rollback": rollback_summary()}


def news(state: State | None = None, files: dict[str, ConfigFile] | None = None, **of: Any) -> News:
    known = state.environments.get("prod") if state else None
    return news_of(record_of(**of).data, NOON, known, files or {})


def test_a_deployment_says_who_why_and_what_came_with_it() -> None:
    told = news(artifact="https://ci.internal/2.4.1", run_id="r-1")
    assert (told.version, told.asked_by, told.why) == ("2.4.1", "ada", "faster checkout")
    assert told.changed.artifact == "[https://ci.internal/2.4.1](https://ci.internal/2.4.1)"
    assert told.changed.configuration == (
        r"deploy.steps\[switch to {version}\].timeout: 60s -> 120s",
    )
    assert told.changed.migrations == (
        "c3d4 drop_note, lossy: line 1: drops column orders.note with what it holds",
    )
    assert told.story is None


def test_a_rollback_tells_its_reason_its_evidence_and_its_timeline() -> None:
    red = signal_summary("errors", colour="red", baseline=0.0, observed=0.04, change=None, unit="")
    told = news(
        **BACK,
        run_id="r-2",
        watch=watch_summary(colour="red", signals=(red,), logs=()),
        timeline=(span(), span(Phase.WATCHING, **{"from": at(40), "to": at(940)})),
    )
    assert told.story is not None
    assert told.story.title == (
        "2.4.1 in prod: rolled back to 2.4.0 (2026-03-04 12:00:00 UTC, run r-2)"
    )
    for line in (
        "- Reason: errors: 4.1 % of 2300 requests against 0.1 %.",
        "  - errors: 0.04 against 0 before",
        "  - 2026-03-04 12:00:20 UTC: deploying (all), 20 s",
        "  - 2026-03-04 12:00:40 UTC: watching (all), 15 m 00 s",
    ):
        assert line in told.story.lines
    assert any(line.startswith("- Database: taken back, and verified") for line in told.story.lines)
    assert any(line.startswith("- health after the rollback of 2.4.0") for line in told.story.lines)


def test_what_runs_after_a_rollback_was_not_asked_for_by_who_asked_for_the_new_version() -> None:
    told = news(**BACK)
    assert (told.version, told.asked_by, told.why) == ("2.4.0", "–", "taken back from 2.4.1")
    assert told.changed.migrations == ()
    asked = news(**BACK, kind="rollback", request_reason="it is slow")
    assert (asked.asked_by, asked.why) == ("ada", "taken back from 2.4.1: it is slow")
    assert asked.deployment.version == "rollback of 2.4.1"


def test_files_are_held_against_what_the_page_remembers() -> None:
    before = {"app.toml": config_file("app.toml", b"pool = 10\npassword = 'one'\n")}
    page = written("", None, advanced(State(), news(files=before, run_id="r-1")))
    found = find(page)
    assert found is not None
    after = {"app.toml": config_file("app.toml", b"pool = 20\npassword = 'two'\n")}
    told = news(found.state, after, run_id="r-2", previous_guide_text=GUIDE)
    assert told.changed.configuration == ("app.toml: pool: 10 -> 20",)
    assert "one" not in page


HOSTILE = st.one_of(
    st.text(min_size=1, max_size=100),
    st.sampled_from(
        [f"x\n{END}\n# y", START, "-->", "<!--", "| a |", "```\n", "`<!--`", "\\u003e"]
    ),
)


@given(HOSTILE)
def test_no_words_of_others_end_the_section_or_its_memory(text: str) -> None:
    run = record_of(
        outcome="rolled_back",
        requested_by=text,
        request_reason=text,
        artifact=text,
        version=text,
        previous_version=text,
        migrations=(pending_migration(revision=text, name=text, reasons=(text,)),),
        rollback=rollback_summary(
            trigger=text,
            known=(text,),
            next=(text,),
            matrix=matrix(kind="rollback_health", of=text),
            database=reverted(reason=text, difference=(text,), kept=(text,)),
        ),
        guide_text=GUIDE,
    ).data
    state = advanced(State(), news_of(run, NOON, None, {}))
    page = written("", None, state)
    found = find(page)
    assert found is not None
    assert found.state == state
    prose = [line.said for line in outline(page).prose]
    assert (prose.count(START), prose.count(END)) == (1, 1)
    heads = [line for line in prose if line.startswith("#")]
    assert heads[0] == "## Deployment"
    assert heads[-2:] == ["### Last deployments", "### Last rollbacks"]
    assert len(heads) == 4
