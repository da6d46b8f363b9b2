"""Writes docs/lifecycle.md from the code: `python -m goaround_orchestrator.diagram PATH`.

Everything on the page that can be wrong is taken from what decides: the moves and their reasons
from `LEGAL`, the meanings from the docstrings of `Phase`. What a deadline does stands here in
words, for each phase that has one; a test compares the page with this.
"""

import ast
import inspect
import sys
from itertools import pairwise
from pathlib import Path

from goaround_orchestrator.lifecycle import ACTIVE, LEGAL, TURNABLE, UNTOUCHED
from goaround_schemas import phase as phases
from goaround_schemas.phase import ENDS, Phase

P = Phase

MOVED_BY: dict[Phase, str] = {
    P.REQUESTED: "the request itself",
    P.QUEUED: "the end of the run before it, or a person",
    P.PREFLIGHT: "the answers of verifier and watcher, or a person",
    P.AWAITING_APPROVAL: "a person",
    P.DEPLOYING: "the answers of deployer and verifier (readiness), or a person",
    P.VERIFYING: "the verifier's answer, or a person",
    P.WATCHING: "the watcher's verdict, or a person",
    P.HELD: "a person",
    P.ROLLING_BACK: "the answers of deployer and verifier (readiness)",
    P.VERIFYING_ROLLBACK: "the verifier's answer",
    P.RECORDING: "the scribe's answer (and the verifier's, on monitoring)",
}
DEADLINE: dict[Phase, str] = {
    P.REQUESTED: "none: it is left in the transaction that begins it",
    P.QUEUED: "`policy.queue_within`, then rejected",
    P.PREFLIGHT: "the checks' own times and a margin, then rejected",
    P.AWAITING_APPROVAL: "`approval.within`, then rejected",
    P.DEPLOYING: "the steps' own times and a margin, then the way back",
    P.VERIFYING: "the checks' own times and a margin, then the way back",
    P.WATCHING: "period, extensions and a margin, then the guide's `undecided`",
    P.HELD: "`watch.hold_within`, then the guide's `hold_then`",
    P.ROLLING_BACK: "the steps' own times and a margin, then it counts as failed",
    P.VERIFYING_ROLLBACK: "the checks' own times and a margin, then it counts as failed",
    P.RECORDING: "a minute, then the outcome stands with a warning",
}

HEAD = """\
# The lifecycle of a run

This page is written by `make docs` from the transition table of the orchestrator; a test compares.
A run is in one phase at a time, and moves only along these arrows. Every phase but the ends has a
deadline in the database, so that no run can be forgotten: an unanswered command is looked after
in 30, 60, 120, 240 and then every 300 seconds, and sent again if its queue has lost it.
"""


def meanings() -> dict[Phase, str]:
    """What each phase means: the docstring that stands under it in the code."""
    tree = ast.parse(inspect.getsource(phases))
    body = next(n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Phase")
    found: dict[Phase, str] = {}
    for member, said in pairwise(body):
        match member, said:
            case (
                ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[Phase[name]] = " ".join(text.split())
            case _:
                continue
    return found


def page() -> str:
    """The whole page."""
    return "\n".join((HEAD, *_diagram(), "", *_table(), "", *_groups())) + "\n"


def _diagram() -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {P.REQUESTED}"]
    for phase, ways in LEGAL.items():
        lines += [f"    {phase} --> {to}: {_plain(why)}" for to, why in ways.items()]
    lines += [f"    {phase} --> [*]" for phase in Phase if phase in ENDS]
    return [*lines, "```"]


def _plain(why: str) -> str:
    # A semicolon ends a statement in Mermaid.
    return why.replace(";", ",")


def _table() -> list[str]:
    known = meanings()
    rows = [
        "| phase | meaning | leaves to (why) | moved by | deadline |",
        "|---|---|---|---|---|",
    ]
    for phase, ways in LEGAL.items():
        leaves = "<br>".join(f"`{to}` ({why})" for to, why in ways.items())
        moved = MOVED_BY.get(phase, "nobody: it is an end")
        until = DEADLINE.get(phase, "none")
        rows.append(f"| `{phase}` | {known[phase]} | {leaves or 'nothing'} | {moved} | {until} |")
    return rows


def _groups() -> list[str]:
    return [
        f"- Nothing has been changed yet, so a run is given up for free in {_list(UNTOUCHED)}.",
        f"- The way back can be taken from {_list(TURNABLE)}.",
        f"- Of each service and environment one run at most is in {_list(ACTIVE)}: a unique index "
        "of the database holds it.",
    ]


def _list(group: frozenset[Phase]) -> str:
    names = [f"`{p}`" for p in Phase if p in group]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def main() -> int:
    """Write the page where the command line says; return the exit code."""
    if len(sys.argv) != 2:
        print("usage: python -m goaround_orchestrator.diagram docs/lifecycle.md", file=sys.stderr)  # noqa: T201
        return 2
    Path(sys.argv[1]).write_text(page())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
