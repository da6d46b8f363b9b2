"""`goaround show RUN --report FILE.html`: one page that holds all, and that nothing can misuse."""

import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from goaround.report.page import Chapter, page
from goaround.report.watched import watched
from goaround_judge import Evidence, judge
from goaround_judge.recording import read, write
from goaround_schemas.api import EvidenceRow, Label, RunDetail, RunRow
from goaround_schemas.phase import Phase
from tests import builders
from tests.cli.archive import Archive
from tests.cli.conftest import Command
from tests.judge.watches import log, noise, signal, watch

EVIL = "<img src=x onerror=alert(1)>"
NEVER_CLOSED = {"meta", "path", "rect", "circle", "br", "img"}


class Page(HTMLParser):
    """What a browser makes of a page: its elements, its text, and whether all of it is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in NEVER_CLOSED:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in NEVER_CLOSED:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def _run(**changes: object) -> RunRow:
    return RunRow.model_validate(
        {
            "run_id": "r1",
            "kind": "deploy",
            "service": "shop",
            "environment": "prod",
            "version": "1.3.0",
            "previous_version": "1.2.0",
            "phase": Phase.ROLLED_BACK,
            "requested_by": "ada",
            "requested_at": builders.at(),
            "updated_at": builders.at(60),
            "reason": f"p95 latency: too high {EVIL}",
            **changes,
        }
    )


def _detail(**changes: object) -> RunDetail:
    parts: dict[str, object] = {
        "run": _run(),
        "request_reason": EVIL,
        "history": (),
        "timeline": (builders.span(),),
        "verification": (builders.matrix(rows=(builders.row(EVIL),)),),
        "steps": (builders.step_result(EVIL),),
        "watch": builders.watch_summary(colour="red"),
        "rollback": builders.rollback_summary(),
        "labels": (Label(label="bad", actor=EVIL, at=builders.at(90), because="carts were lost"),),
        **changes,
    }
    return RunDetail.model_validate(parts)


def _evidence(signals: int = 1, looks: int = 20, before: int = 40) -> Evidence:
    lines = log([["INFO ok"]] * 8, [[f"ERROR {EVIL}"] * 9] * 20, EVIL)
    seen = [
        signal(noise(i, before), [3 * v for v in noise(i + 900, looks)], name=f"p95 of {EVIL} {i}")
        for i in range(signals)
    ]
    return watch(*seen, logs=(lines,), looks=looks)


def _chapter(evidence: Evidence, id_: str = "e0") -> Chapter:
    verdict = judge(evidence)
    row = EvidenceRow(
        evidence_id=id_,
        run_id="r1",
        service="shop",
        environment="prod",
        version="1.3.0",
        stage="all",
        judged_at=builders.at(300),
        switched_at=builders.at(),
        colour=verdict.colour.value,
        action="rollback",
        looks=20,
        judge_version=verdict.judge_version,
        phase=Phase.ROLLED_BACK,
    )
    return Chapter(row, watched(read(write(evidence, verdict)), version="1.3.0", key=id_))


def test_a_page_begins_with_the_outcome_and_holds_every_part_in_order() -> None:
    found = Page(page(_detail(), [_chapter(_evidence())], [], builders.at(900)))
    assert not found.open
    headings = re.findall(
        r"Why|Timeline|Checks|Deployment|Watch|Rollback|What people said|To have the verdict again",
        " ".join(_headings(found)),
    )
    assert headings == [
        "Why",
        "Timeline",
        "Checks",
        "Deployment",
        "Watch",
        "Rollback",
        "What people said",
        "To have the verdict again",
    ]
    assert found.text.index("rolled back") < found.text.index("too high") < found.text.index("Why")
    assert "goaround replay r1" in found.text
    assert "carts were lost" in found.text
    assert sum(tag == "svg" for tag, _ in found.elements) == 2


def _headings(found: Page) -> list[str]:
    return re.split(r"\s{2,}", found.text)


def test_nothing_foreign_becomes_an_element_and_nothing_is_fetched_or_run() -> None:
    text = page(_detail(), [_chapter(_evidence())], [], builders.at(900))
    found = Page(text)
    assert "<img" not in text
    assert EVIL in found.text
    tags = {tag for tag, _ in found.elements}
    assert not tags & {"script", "img", "link", "iframe", "object", "a", "image", "use"}
    for _, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "href")]
    policies = [a["content"] for t, a in found.elements if t == "meta" and "http-equiv" in a]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_the_names_of_charts_are_unique_in_a_page_of_many_verdicts() -> None:
    chapters = [_chapter(_evidence(3), "e0"), _chapter(_evidence(3), "e1")]
    found = Page(page(_detail(), chapters, [], builders.at(900)))
    ids = [a["id"] for _, a in found.elements if "id" in a]
    assert len(ids) == len(set(ids)) == 16


def test_a_huge_watch_is_a_small_page_and_soon_made() -> None:
    evidence = _evidence(50, looks=1000, before=1000)
    verdict = judge(evidence)
    recording = read(write(evidence, verdict))
    began = time.process_time()
    row = _chapter(_evidence()).row
    chapter = Chapter(row, watched(recording))
    text = page(_detail(), [chapter], [], builders.at(900))
    assert time.process_time() - began < 2.0  # a second on a machine that is not shared
    assert text.count("<svg") == 51
    assert len(text.encode()) < 2_000_000


def test_without_evidence_the_page_says_so_and_shows_what_was_said() -> None:
    found = Page(page(_detail(), [], [], builders.at(900)))
    assert "No evidence is on record of this watch" in found.text
    assert "To have the verdict again" not in found.text
    row = _chapter(_evidence()).row
    damaged = Page(
        page(_detail(labels=()), [Chapter(row, None, "it ends early")], [], builders.at(9))
    )
    assert "No charts: it ends early" in damaged.text
    assert "Nobody has said yet" in damaged.text


@pytest.mark.system
def test_show_writes_the_page_whole_or_not_at_all(
    command: Command, archive: Archive, url: str, tmp_path: Path
) -> None:
    archive.details["r1"] = _detail()
    archive.keep(_evidence(), "r1", stage="canary")
    archive.keep(_evidence(), "r1", "bm8gemxpYg==", stage="rest")
    path = tmp_path / "r1.html"
    done = command("show", "r1", "--report", str(path), "--url", url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{path}: run r1 on one page, ")
    found = Page(path.read_text())
    assert "Stage canary: red" in found.text
    assert "No charts: the recording cannot be read" in found.text
    assert list(tmp_path.iterdir()) == [path]
    nowhere = command("show", "r1", "--report", str(tmp_path / "none" / "r1.html"), "--url", url)
    assert nowhere.returncode == 1
    assert "cannot be written: No such file" in nowhere.stderr
    unknown = command("show", "r2", "--report", str(path), "--url", url)
    assert (unknown.returncode, "no run has the id" in unknown.stderr) == (1, True)
