"""A run's progress, drawn as it happens: lines that stay, and below them one that moves.

Without a terminal there is one plain line an event, and nothing moves.
"""

import time
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.text import Text

from goaround.cli import narration
from goaround.cli.narration import Saying
from goaround.cli.screen import Screen
from goaround.cli.words import clean, clock, length, one_line, spoken
from goaround_schemas.catalogue import AnyEvent
from goaround_schemas.outcome import DeployAdvanced, DeployFinished
from goaround_schemas.phase import ENDS, Phase
from goaround_schemas.request import DeployRequested
from goaround_schemas.watching import DeployObserved, DeployObservedData

_BAR_CELLS = 24


class Progress:
    """Draws events on a screen; a context manager, so that the moving line goes in the end."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._phase = "asked for"
        self._watch: DeployObservedData | None = None
        self._began = time.monotonic()
        self._live = (
            Live(
                get_renderable=self._moving,
                console=screen.out,
                transient=True,
                refresh_per_second=4,
            )
            if screen.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the moving line away; what was said stays."""
        if self._live:
            self._live.stop()

    def show(self, event: AnyEvent) -> None:
        """Draw one event."""
        if isinstance(event, DeployRequested):
            return
        if isinstance(event, DeployAdvanced) and event.data.to in ENDS:
            # The outcome, which follows, says the same and more.
            return
        said = narration.tell(event)
        if not self._live:
            self._screen.line(f"{clock(event.time)} {said.flat()}")
            return
        if isinstance(event, DeployObserved):
            was, self._watch = self._watch, event.data
            if was is not None and was.colour == event.data.colour:
                return
        if isinstance(event, DeployAdvanced):
            self._phase = spoken(event.data.to)
            if event.data.to is not Phase.WATCHING:
                self._watch = None
        if isinstance(event, DeployFinished):
            self._live.stop()
        self._screen.out.print(stamped(clock(event.time), said))

    def _moving(self) -> Text:
        passed = length(round(time.monotonic() - self._began))
        watch = self._watch
        if watch is None:
            return Text(f"         {self._phase} ... {passed}", style=narration.QUIET)
        width = self._screen.out.width
        line = Text("         ").append_text(bar(watch))
        worst = narration.worst(watch.observations)
        if worst is not None:
            line.append(f"  {one_line(clean(narration.look(worst)))}")
        line.truncate(max(20, width - 1), overflow="ellipsis")
        return line


def bar(watch: DeployObservedData) -> Text:
    """`###------ 45s of 15m green`, in the watch's colour."""
    share = min(1.0, watch.elapsed_s / watch.period_s) if watch.period_s > 0 else 1.0
    full = round(share * _BAR_CELLS)
    return Text.assemble(
        ("━" * full, narration.COLOURS[watch.colour]),
        ("─" * (_BAR_CELLS - full), narration.QUIET),
        f" {length(watch.elapsed_s)} of {length(watch.period_s)} ",
        (watch.colour, narration.COLOURS[watch.colour]),
    )


def stamped(when: str, said: Saying) -> Text:
    """A saying with its time before it and what belongs to it below."""
    text = Text.assemble((f"{when} ", narration.QUIET), (one_line(said.text), said.style))
    for line, style in below(said, 1):
        text.append(f"\n{' ' * 9}{line}", style=style)
    return text


def below(said: Saying, depth: int) -> list[tuple[str, str]]:
    """What belongs to a saying, as indented lines with their styles."""
    lines: list[tuple[str, str]] = []
    for part in said.below:
        lines.append((f"{'  ' * (depth - 1)}{one_line(part.text)}", part.style))
        lines += below(part, depth + 1)
    return lines
