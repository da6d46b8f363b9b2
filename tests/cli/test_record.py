"""`goaround show` and the lists: everything there is, drawn for a terminal and for a pipe."""

import io

from rich.console import Console

from goaround.cli.record import matrix_table, parts
from goaround.cli.runs import runs_table
from goaround.cli.table import Cell, Table
from goaround.cli.words import ago, length
from goaround_schemas.api import RunDetail, RunRow
from goaround_schemas.phase import Phase
from tests import builders


def _row(**changes: object) -> RunRow:
    return RunRow.model_validate(
        {
            "run_id": "r1",
            "kind": "deploy",
            "service": "checkout",
            "environment": "prod",
            "version": "2.4.1",
            "phase": Phase.ROLLED_BACK,
            "requested_by": "ada",
            "requested_at": builders.at(),
            "updated_at": builders.at(60),
            "reason": "errors: 4.1 % of 2300 requests against 0.1 % before, and 2.4.0 runs again",
            **changes,
        }
    )


def test_a_run_is_shown_with_every_part_that_it_has() -> None:
    detail = RunDetail(
        run=_row(emergency=True),
        request_reason="faster checkout",
        artifact="pkg:docker/acme/checkout@2.4.1",
        guide_digest="sha256:abab",
        history=(),
        timeline=(builders.span(),),
        verification=(builders.matrix(),),
        migrations=(builders.pending_migration(point_of_no_return="line 3: drop table"),),
        corrections=(builders.correction(),),
        steps=(builders.step_result(),),
        watch=builders.watch_summary(),
        rollback=builders.rollback_summary(),
        record=("CHANGELOG.md",),
        warnings=("the payments channel could not be reached",),
    )
    said = "\n".join(
        "\n".join(part.lines()) if isinstance(part, Table) else part.flat()
        for part in parts(detail, builders.at(60))
    )
    for wanted in (
        "as an EMERGENCY: faster checkout",
        "pkg:docker/acme/checkout@2.4.1",
        "sha256:abab",
        "deploying  all    12:00:20  12:00:40  20s",
        "status 200 in 12 ms",
        "p95 latency *",
        "+1.9 %",
        "went around: errors: 4.1 %",
        "left behind: the cache",
        "the schema is what it was, and proven to be: the catalogue is the one of before",
        "what was dropped is kept in goaround_kept.orders_note_r_2026_0042",
        "what you could do next, in this order:; 1. goaround resume r-2026-0042",
        "c3d4      drop_note  lossy",
        "point of no return: c3d4, line 3",
        "proposed for the guide: deploy.ready.within from 10s to 30s; readiness took 9.1 s",
        "goaround guide corrections --service checkout shows the diffs",
        "on record: CHANGELOG.md",
        "warning: the payments channel",
    ):
        assert wanted in said


def test_without_a_terminal_columns_are_aligned_and_nothing_is_cut() -> None:
    lines = list(runs_table((_row(), _row(run_id="r-much-longer")), builders.at(3600)).lines())
    assert lines[0].index("SERVICE") == lines[1].index("checkout") == lines[2].index("checkout")
    assert lines[1].endswith("and 2.4.0 runs again")


def test_on_a_narrow_terminal_a_table_wraps_and_loses_no_word() -> None:
    out = io.StringIO()
    console = Console(file=out, width=50, force_terminal=True, color_system=None)
    console.print(matrix_table(builders.matrix()).drawn())
    drawn = out.getvalue()
    assert max(len(line) for line in drawn.splitlines()) <= 50
    assert "wanted" in drawn


def test_a_cell_is_one_line_whatever_is_in_it() -> None:
    table = Table(("A", "B"))
    table.add("two\nlines", Cell("\x1b[31mred", "green"))
    assert list(table.lines())[1] == "two lines  red"


def test_times_are_said_in_one_unit_and_lengths_without_needless_digits() -> None:
    assert ago(builders.at(0), builders.at(7300)) == "2h ago"
    assert ago(builders.at(90), builders.at(0)) == "in 1m"
    assert length(72.4) == "1m12s"
    assert length(3.2) == "3s200ms"
