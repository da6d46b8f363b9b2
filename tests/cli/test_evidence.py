"""`goaround replay`, `label` and `simulate`, on recorded watches that a test made."""

import asyncio
import json
from pathlib import Path

import pytest

from goaround.client import connect
from goaround_judge import Evidence, judge
from goaround_judge.recording import write
from goaround_schemas.api import Label, RunRow
from goaround_schemas.phase import Phase
from tests import builders
from tests.cli.archive import Archive
from tests.cli.conftest import Command
from tests.judge.watches import noise, signal, watch

pytestmark = pytest.mark.system


def latency(factor: float, after: int = 40) -> Evidence:
    """A watch of ten minutes whose latency is so many times the usual from the switch on."""
    looks = after if factor < 1.3 else 2  # at the second look it is red, and over
    seen = signal(noise(1, 60), noise(2, looks, 0.2 * factor), name="p95 latency")
    return watch(seen, looks=40, at=1.0 if looks == after else (looks - 1) / 40)


GOOD, BAD = latency(1.0), latency(1.6)


def guide(
    tmp_path: Path, *, matters_from: str = "10%", period: str = "10m", name: str = "p95 latency"
) -> str:
    path = tmp_path / "shop.yaml"
    path.write_text(
        f"""\
guide: goaround/v1
service: shop
environments: {{prod: {{}}}}
deploy:
  steps:
    - {{name: switch, run: ['true'], idempotent: true}}
verify:
  liveness:
    - {{name: alive, run: ['true']}}
watch:
  period: {period}
  every: 15s
  extend: {{by: 1m, at_most: 0}}
  signals:
    - {{name: {name}, kind: latency, unit: s, matters_from: {matters_from}, prometheus: up}}
rollback:
  steps:
    - {{name: back, idempotent: true, run: ['true']}}
"""
    )
    return str(path)


def test_a_verdict_is_had_again_byte_for_byte(command: Command, archive: Archive, url: str) -> None:
    archive.keep(BAD, "r1", phase=Phase.ROLLED_BACK)
    done = command("replay", "r1", "--url", url)
    assert done.returncode == 0, done.stderr
    assert "shop 1.0.0 in prod, run r1, verdict e0: red, rollback" in done.stdout
    assert "the same verdict, byte for byte" in done.stdout


def test_another_verdict_leaves_with_20_and_says_what_differs(
    command: Command, archive: Archive, url: str
) -> None:
    said = judge(BAD).model_copy(update={"colour": judge(GOOD).colour, "judge_version": "0"})
    archive.keep(BAD, "r1", write(BAD, said))
    done = command("replay", "r1", "--url", url)
    assert done.returncode == 20
    assert "judge 0 gave it" in done.stdout
    assert 'colour         "green"  "red"' in done.stdout
    found = json.loads(command("replay", "r1", "--json", "--url", url).stdout)["verdicts"][0]
    assert found["differences"][0] == {"path": "colour", "was": "green", "is": "red"}
    assert found["now"]["colour"] == "red"


def test_each_stage_of_a_run_is_had_again_and_one_can_be_named(
    command: Command, archive: Archive, url: str
) -> None:
    archive.keep(GOOD, "r1", stage="canary")
    archive.keep(BAD, "r1", stage="rest")
    both = command("replay", "r1", "--url", url)
    assert both.stdout.count("byte for byte") == 2
    rest = command("replay", "r1", "--stage", "rest", "--url", url)
    assert "stage rest, verdict e1: red" in rest.stdout
    assert "canary" not in rest.stdout
    named = json.loads(command("replay", "r1", "--verdict", "e0", "--json", "--url", url).stdout)
    assert [v["verdict"]["stage"] for v in named["verdicts"]] == ["canary"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("r1", "--stage", "all", "--verdict", "e0"), 2, "not both"),
        (("r1", "--stage", "canary"), 1, "no verdict of stage 'canary'; it has e0 (stage all)"),
        (("r1", "--verdict", "e9"), 1, "no verdict 'e9'"),
        (("r2",), 1, "no evidence is on record of run r2"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    command: Command, archive: Archive, url: str, words: tuple[str, ...], code: int, said: str
) -> None:
    archive.keep(GOOD, "r1")
    done = command("replay", *words, "--url", url)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert said in done.stderr


def test_a_damaged_recording_is_named_and_the_others_are_had_again(
    command: Command, archive: Archive, url: str
) -> None:
    archive.keep(GOOD, "r1", "bm8gemxpYg==", stage="canary")
    archive.keep(GOOD, "r1", stage="rest")
    done = command("replay", "r1", "--url", url)
    assert done.returncode == 1
    assert "stage canary, verdict e0: the recording cannot be read" in done.stderr
    assert "byte for byte" in done.stdout
    del archive.recordings["e1"]
    assert "not kept any more" in command("replay", "r1", "--stage", "rest", "--url", url).stderr


def test_a_label_goes_on_record_with_its_reason_and_who_says_so(
    command: Command, archive: Archive, url: str
) -> None:
    words = ("label", "r1", "bad", "--because", "carts were lost", "--by", "ada")
    done = command(*words, "--url", url)
    assert (done.returncode, done.stdout) == (0, "run r1 is bad\n")
    (given,) = archive.labels
    assert (given.label, given.because, given.actor) == ("bad", "carts were lost", "ada")
    for wrong in (("label", "r1", "fine", "--because", "x"), ("label", "r1", "good")):
        assert command(*wrong, "--url", url).returncode == 2
    empty = command("label", "r1", "good", "--because", "", "--url", url)
    assert (empty.returncode, len(archive.labels)) == (2, 1)
    assert "because" in empty.stderr


def _label(label: str) -> Label:
    return Label.model_validate(
        {"label": label, "actor": "ada", "at": builders.at(), "because": "seen"}
    )


def test_a_changed_guide_is_tried_on_what_is_on_record(
    command: Command, archive: Archive, url: str, tmp_path: Path
) -> None:
    archive.keep(BAD, "false-red", label=_label("good"), phase=Phase.ROLLED_BACK)
    archive.keep(BAD, "true-red", label=_label("bad"), phase=Phase.ROLLED_BACK)
    archive.keep(GOOD, "calm", label=_label("good"))
    archive.keep(GOOD, "broken", "bm8gemxpYg==")
    archive.keep(GOOD, "elsewhere", service="other")
    words = ("simulate", "--guide", guide(tmp_path, matters_from="200%"), "--url", url)
    done = command(*words)
    assert done.returncode == 0, done.stderr
    assert "run broken, verdict e3: the recording cannot be read" in done.stderr
    assert "left out for damage: 1" in done.stdout
    # Of a red watch there are two looks; what a patient one would have seen then is not on record.
    assert done.stdout.count("not recorded further") == 2
    assert "elsewhere" not in done.stdout
    found = json.loads(command(*words, "--json").stdout)
    assert found["summary"]["before"] == {"false_reds": 1, "missed_reds": 0}
    assert found["summary"]["not_recorded_further"] == 2
    assert [d["verdict"]["run_id"] for d in found["damaged"]] == ["broken"]
    assert {v["verdict"]["run_id"] for v in found["verdicts"]} == {
        "false-red",
        "true-red",
        "calm",
    }


def test_what_changes_is_counted_and_held_against_what_people_said(
    command: Command, archive: Archive, url: str, tmp_path: Path
) -> None:
    archive.keep(BAD, "false-red", label=_label("good"), phase=Phase.ROLLED_BACK)
    archive.keep(BAD, "true-red", label=_label("bad"), phase=Phase.ROLLED_BACK)
    path = guide(tmp_path, matters_from="200%", period="15s")
    done = command("simulate", "--guide", path, "--json", "--url", url)
    summary = json.loads(done.stdout)["summary"]
    assert (summary["verdicts"], summary["change"], summary["from_red"]) == (2, 2, 2)
    assert summary["before"] == {"false_reds": 1, "missed_reds": 0}
    assert summary["after"] == {"false_reds": 0, "missed_reds": 1}
    table = command("simulate", "--guide", path, "--url", url).stdout
    assert "2 of 2 verdicts would change: 0 to red, 2 from red" in table
    assert "false reds among 1 good run: 1 before, 0 after" in table
    assert "missed reds among 1 bad run: 0 before, 1 after" in table


def test_the_guide_as_it_is_changes_nothing_and_a_version_taken_back_was_bad(
    command: Command, archive: Archive, url: str, tmp_path: Path
) -> None:
    row = archive.keep(GOOD, "missed")
    archive.keep(BAD, "stopped", phase=Phase.ROLLED_BACK)
    archive.runs.append(
        RunRow(
            run_id="back",
            kind="rollback",
            service="shop",
            environment="prod",
            version=row.version,
            phase=Phase.ROLLED_BACK,
            requested_by="ada",
            requested_at=builders.at(7200),
            updated_at=builders.at(7300),
            reason="carts were lost",
        )
    )
    words = ("simulate", "--guide", guide(tmp_path), "--since", "1h30m", "--url", url)
    done = command(*words)
    assert "0 of 2 verdicts would change" in done.stdout
    assert "bad (implied)" in done.stdout
    assert "missed reds among 1 bad run (1 implied by a later rollback): 1 before, 1" in done.stdout
    summary = json.loads(command(*words, "--json").stdout)["summary"]
    assert (summary["median_later_min"], summary["median_later_min_of_reds"]) == (0, 0)
    assert (summary["implied_bad"], summary["good"]) == (1, 0)


def test_signals_that_were_never_recorded_are_named(
    command: Command, archive: Archive, url: str, tmp_path: Path
) -> None:
    archive.keep(GOOD, "r1")
    done = command("simulate", "--guide", guide(tmp_path, name="p99"), "--url", url)
    assert "never recorded, so not judged: p99" in done.stdout


def test_a_guide_with_faults_is_told_as_by_guide_check(command: Command, tmp_path: Path) -> None:
    path = guide(tmp_path).replace("shop.yaml", "typo.yaml")
    Path(path).write_text(Path(guide(tmp_path)).read_text().replace("  period:", "  priod:"))
    done = command("simulate", "--guide", path)
    assert done.returncode == 1
    assert f"{path}:11:3:" in done.stdout
    assert done.stdout == command("guide", "check", path).stdout
    assert command("simulate", "--guide", str(tmp_path / "none.yaml")).returncode == 1


def test_a_since_that_is_no_length_of_time_is_refused_before_anything_is_asked(
    command: Command, tmp_path: Path
) -> None:
    done = command("simulate", "--guide", guide(tmp_path), "--since", "spring")
    assert done.returncode == 2
    assert done.stderr == (
        "goaround: --since: 'spring' is not a length of time; write for example 90s, 15m or 1h30m\n"
    )


def test_where_nothing_is_on_record_that_is_said(
    command: Command, url: str, tmp_path: Path
) -> None:
    done = command("simulate", "--guide", guide(tmp_path), "--since", "7d", "--url", url)
    assert (done.returncode, done.stdout) == (0, "")
    assert "no evidence is on record of shop since 7d ago" in done.stderr


def test_verdicts_are_read_a_page_at_a_time(archive: Archive, url: str) -> None:
    for number in range(3):
        archive.keep(GOOD, f"r{number}")
    many = archive.rows[0]
    archive.rows += [many.model_copy(update={"evidence_id": f"m{i}"}) for i in range(398)]

    async def read() -> list[str]:
        async with connect(url) as g:
            return [row.evidence_id async for row in g.verdicts(service="shop")]

    ids = asyncio.run(read())
    assert len(ids) == len(set(ids)) == 401
    assert [query.after is None for query in archive.asked] == [True, False, False]
