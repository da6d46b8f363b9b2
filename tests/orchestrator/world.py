"""A small model of the world: it answers a run's orders, well or badly, late, twice or never.

Every choice is made by a function that is given, so that the same world serves a seeded sweep and
Hypothesis.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from goaround_orchestrator.lifecycle import (
    Answered,
    Begin,
    Enqueue,
    GiveWay,
    Input,
    Refuse,
)
from goaround_orchestrator.run import Landing, Pending, Run, What
from goaround_schemas.phase import Phase
from goaround_schemas.recording import Entry
from tests.orchestrator import builders as build

T = TypeVar("T")


class Choose(Protocol):
    """Picks one of several."""

    def __call__(self, among: Sequence[T], /) -> T: ...


SECONDS = (0.0, 0.001, 1.0, 9.0, 31.0, 301.0, 700.0, 4000.0, 90000.0)
"""From at once to far beyond every deadline of the plan."""


class World:
    """Makes up a run, and what happens to it."""

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self._said: list[Answered] = []

    def new_run(self) -> Run:
        """A deployment or a rollback, under one of many guides."""
        pick = self._choose
        planned: dict[str, Any] = {
            "stages": build.stages(*pick((("all",), ("canary", "all")))),
            "approval": pick((None, build.approval("sre", "ada"))),
            "watched": pick((True, False)),
            "undecided": pick(("hold", "rollback", "accept")),
            "hold_then": pick(("rollback", "accept")),
            "has_readiness": pick((False, True)),
            "has_rollback_readiness": pick((False, True)),
            "has_first": pick((False, True)),
            "has_monitoring": pick((False, True)),
            "asks_running": pick((False, True)),
            "inspects": pick((False, False, True)),
            "contracts": pick((False, False, True)),
            "recipients": pick(((), (build.recipient("team", "started", "held", "finished"),))),
        }
        return build.run(
            kind=pick(("deploy", "deploy", "deploy", "rollback")),
            emergency=pick((False, False, True)),
            redeploy=pick((False, True)),
            request_reason="why not",
            planned=planned,
        )

    def next_input(self, run: Run) -> Input:
        """Something that happens: mostly an answer, sometimes a request, time, or nonsense."""
        kind = self._choose(("answer",) * 12 + ("tick", "tick", "ask", "again", "turn", "notice"))
        if run.phase in (Phase.REQUESTED, Phase.QUEUED) and kind != "tick":
            kind = "turn" if kind != "ask" else kind
        match kind:
            case "answer" if run.pending:
                answer = self._answer(run, self._choose(run.pending))
                self._said.append(answer)
                return answer
            case "again" if self._said:
                return self._choose(self._said)
            case "ask":
                verb = self._choose(("abort", "approve", "resume", "promote", "rollback"))
                return build.asked(verb, self._choose(("eve", "ada")), "sre")
            case "notice":
                return build.notified(run, outcome=self._choose(("delivered", "failed")))
            case "turn":
                return self._turn()
            case _:
                return build.TICK

    def pause(self) -> timedelta:
        """How long it takes until then."""
        return timedelta(seconds=self._choose(SECONDS[:4] * 12 + SECONDS))

    def _turn(self) -> Input:
        landings: tuple[Landing | None, ...] = (
            None,
            build.landing("1.0.0"),
            build.landing("1.0.0", previous_version="0.9.0"),
            build.landing("2.0.0", previous_version="1.0.0"),
        )
        begin = Begin(running=self._choose(landings))
        turns: tuple[Input, ...] = (
            *(begin,) * 6,
            Enqueue("r-0"),
            GiveWay("r-9", "x"),
            Refuse("no"),
        )
        return self._choose(turns)

    def _answer(self, run: Run, waited: Pending) -> Answered:
        what, pick = waited.order.what, self._choose
        matrix = ("passed", "passed", "passed", "failed", "errored")
        match what:
            case What.DEPLOY | What.ROLL_BACK | What.CONTRACT | What.STOP_CONTRACT:
                outcome = pick(("done", "done", "done", "failed", "unknown", "stopped"))
                return build.executed(run, what, outcome)
            case What.TAKE_BASELINE:
                return build.baselined(run, answered=pick((True, True, True, False)))
            case What.INSPECT:
                return build.inspected(run, outcome=pick(("done", "done", "errored")))
            case What.WATCH:
                return build.judged(run, pick(("accept", "accept", "rollback", "hold")))
            case What.RECORD:
                outcome = pick(("written", "failed"))
                entry = Entry.model_validate({"what": "docs", "outcome": outcome})
                return build.recorded(run, entry)
            case What.ASK_PREFLIGHT:
                value = pick((None, "1.0.0", "2.0.0"))
                said = build.row("version", category="running", value=value, required=False)
                return build.verified(
                    run, what, pick(matrix), said, build.row(outcome=pick(matrix))
                )
            case _:
                return build.verified(run, what, pick(matrix))
