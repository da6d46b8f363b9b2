"""What is drawn while a run goes on."""

import io

from goaround.cli.progress import Progress, bar
from goaround.cli.screen import Screen, Terminal
from goaround_schemas.outcome import DeployAdvanced, DeployFinished
from goaround_schemas.phase import Phase
from goaround_schemas.watching import DeployObserved
from tests import builders


class _Paper(Screen):
    """A screen on paper: a terminal of this width, or none."""

    def __init__(self, *, terminal: bool, width: int = 100) -> None:
        super().__init__()
        self.paper = io.StringIO()
        self.out = Terminal(
            file=self.paper, force_terminal=terminal, width=width, color_system=None, markup=False
        )

    @property
    def text(self) -> str:
        return self.paper.getvalue()


def _story() -> tuple[DeployAdvanced | DeployObserved | DeployFinished, ...]:
    return (
        builders.deploy_advanced(),
        builders.message(
            DeployAdvanced, **{"from": Phase.VERIFYING, "to": Phase.WATCHING}, reason="healthy"
        ),
        builders.deploy_observed(),
        builders.deploy_observed(elapsed_s=60.0),
        builders.deploy_observed(elapsed_s=75.0, colour="red", reason="errors rise"),
        builders.message(
            DeployAdvanced, **{"from": Phase.RECORDING, "to": Phase.ROLLED_BACK}, reason="on record"
        ),
        builders.deploy_finished(),
    )


def test_without_a_terminal_each_event_is_one_plain_line_with_its_time() -> None:
    screen = _Paper(terminal=False)
    with Progress(screen) as progress:
        for event in _story():
            progress.show(event)
    lines = screen.text.splitlines()
    assert len(lines) == 6  # the move to the end is said by the outcome
    assert all(line.startswith("12:00:00 ") for line in lines)
    assert "\x1b" not in screen.text


def test_on_a_terminal_looks_that_change_nothing_move_the_bar_and_leave_no_line() -> None:
    screen = _Paper(terminal=True, width=200)
    with Progress(screen) as progress:
        for event in _story():
            progress.show(event)
    assert "watch 45s of 15m: green" in screen.text
    assert "watch 1m of 15m" not in screen.text
    assert "watch 1m15s of 15m: red, errors rise" in screen.text
    assert "ROLLED BACK" in screen.text


def test_the_bar_is_as_full_as_the_watch_is_old_and_never_overflows() -> None:
    look = builders.deploy_observed(elapsed_s=450.0, period_s=900.0).data
    assert bar(look).plain == "━" * 12 + "─" * 12 + " 7m30s of 15m green"
    late = builders.deploy_observed(elapsed_s=2000.0, period_s=900.0).data
    assert bar(late).plain.startswith("━" * 24 + " ")
