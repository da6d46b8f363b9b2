"""The worked examples of docs/judge.md: recorded runs of the shop, their pictures, their numbers.

The page's section is written from the recordings, so that no number in it is anyone's memory.
"""

from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from goaround.report.picture import picture
from goaround.report.watched import Watched, watched
from goaround_judge import Evidence, SignalVerdict
from goaround_judge.recording import Recording, read
from goaround_judge.wording import counted, number

REPOSITORY = Path(__file__).parents[2]
RECORDINGS = Path(__file__).parent / "recordings"
PICTURES = REPOSITORY / "docs" / "pictures"
PAGE = REPOSITORY / "docs" / "judge.md"
HEADING = "## Worked examples"
_WIDTH = 150


@dataclass(frozen=True, slots=True)
class Example:
    """One recorded run, and what it shows."""

    name: str
    title: str
    version: str
    story: str
    by_the_log: bool = False

    @property
    def file(self) -> Path:
        """Where its recording is kept."""
        return RECORDINGS / f"{self.name}.txt"

    @property
    def picture(self) -> Path:
        """Where its picture is."""
        return PICTURES / f"{self.name}.svg"

    def recording(self) -> Recording:
        """Return what was recorded."""
        return read(self.file.read_text())

    def watched(self) -> Watched:
        """Return its charts."""
        return watched(self.recording(), version=self.version, key=self.name)


EXAMPLES = (
    Example(
        "green",
        "A good upgrade",
        "1.1.0",
        "The shop's 1.1.0 is sound. Nothing leaves its baseline's ways, and the watch runs to its "
        "end, as only that can make it Green.",
    ),
    Example(
        "degrading",
        "A release that degrades under load",
        "1.3.0",
        "1.3.0 passes every check, and begins to wear some seconds later: orders take longer, and "
        "more and more of them fail. The watch ends as soon as that is beyond doubt.",
    ),
    Example(
        "by-the-log",
        "The same release, seen by its log alone",
        "1.3.0",
        "The same release under a guide that mutes latency and errors: they are judged and shown, "
        "and decide nothing. The log does, by a kind of error line that it never held before.",
        by_the_log=True,
    ),
)


def drawn(example: Example) -> str:
    """Return the picture of an example."""
    charts = [part.chart for part in example.watched().parts]
    return picture(charts, f"{example.title}: shop {example.version}")


def section() -> str:
    """Return the worked examples as Markdown, from their heading on."""
    parts = [
        HEADING,
        "Three deployments of the example shop, for real: 40 orders a second, a look every half "
        "second, a watch of 30 seconds after a baseline of 20. What was recorded is in "
        "`tests/judge/recordings`; the pictures are those of `goaround show RUN --report "
        "FILE.html`, and this section is written from the recordings. `python -m "
        "tests.judge.record` does both anew, and `--play` deploys the shop again. The charts have "
        "the time before the switch on the left; a square is a look beyond the limit, a ring the "
        "look at which a signal was Red by itself.",
    ]
    parts += [_told(example) for example in EXAMPLES]
    parts += [
        "### To ask the same evidence again",
        "`goaround replay RUN` judges a recording with the judge of today and compares bytes; "
        "under another version it says which of both it was, and each value that differs. "
        "`goaround simulate --guide FILE` sees each recorded watch again, look by look: every "
        "look is judged on what was known by then, extensions are granted as the guide has them, "
        "and it ends at the first verdict that would have ended the watch. Signals and logs are "
        "taken by name. What was recorded is all there is, so it does not guess:",
        "- A signal that the guide names and nobody recorded is named, and not judged; one that "
        "it no longer names is left out.\n"
        "- A watch that would have gone on beyond the recording is undecided: *not recorded "
        "further*. That is usual where a patient guide meets a recording that ended Red.\n"
        "- Looks can be fewer than were taken, never more: counts are added up then, of levels "
        "the last one stands. Beyond 500 looks an even choice is judged.\n"
        "- The baseline, the reference and the control group stay as they were recorded.",
    ]
    paragraphs = "\n\n".join(parts).split("\n\n")
    return "\n\n".join(_filled(paragraph) for paragraph in paragraphs) + "\n"


def _filled(paragraph: str) -> str:
    """Break prose into lines as the rest of the page is; a table, a heading and a picture stay."""
    if paragraph.startswith(("|", "#", "!", "- ")):
        return paragraph
    return fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _told(example: Example) -> str:
    found = example.watched()
    evidence = example.recording().evidence
    verdict, moment = found.verdict, found.moment
    alt = f"{example.title}: {verdict.colour} after {number(moment.at_s)} s"
    lines = [
        f"### {example.title}: {verdict.colour.capitalize()}",
        example.story,
        f"![{alt}](pictures/{example.picture.name})",
        f"**{verdict.colour.capitalize()}, {verdict.action}, {number(moment.at_s)} s after the "
        f"switch** ({_looks(evidence)}). {verdict.reason}",
    ]
    if verdict.would_be_green:
        lines.append(f"It {verdict.would_be_green}.")
    lines.append(_table(found))
    return "\n\n".join(lines)


def _looks(evidence: Evidence) -> str:
    before = max(len(one.baseline.at_s) for one in evidence.columns)
    after = max(len(one.post.at_s) for one in evidence.columns)
    return f"{after} looks, {before} before it"


def _table(found: Watched) -> str:
    rows = [
        "| | before | seen | green to | limit | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for drawn_ in found.parts:
        part = drawn_.part
        name = f"{part.name} (muted)" if part.muted else part.name
        if isinstance(part, SignalVerdict):
            cells = [
                number(value) if value is not None else "-"
                for value in (part.baseline, part.observed, part.green_limit, part.limit)
            ]
        else:
            worst = part.findings[0] if part.findings else None
            cells = ["-"] * 4
            if worst is not None:
                cells[:2] = [counted(worst.before, "line"), counted(worst.after, "line")]
        rows.append(f"| {name} | {' | '.join(cells)} | {part.colour}, {part.verdict} |")
    return "\n".join(rows)


def write_out() -> None:
    """Write the pictures and the page's section."""
    PICTURES.mkdir(exist_ok=True)
    for example in EXAMPLES:
        example.picture.write_text(drawn(example))
    before, _, _ = PAGE.read_text().partition(HEADING)
    PAGE.write_text(f"{before.rstrip()}\n\n{section()}")
