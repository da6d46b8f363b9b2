"""A guide's watch as the judge wants it, to watch a recording again under another guide. Pure.

Where a signal's numbers come from does not matter here; what is held against them does.
"""

import re
from collections.abc import Iterable

from goaround_judge import Bad, Evidence, LogRule, Plan, SignalKind, SignalRule, Undecided
from goaround_schemas.guide import Guide, Signal, Watch

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def watch_of(guide: Guide, stage: str) -> Watch:
    """Return the guide's watch of a stage; its own where it knows no such stage."""
    period = next((s.watch_period for s in guide.stages if s.name == stage), None)
    watch = guide.watch
    if period is None or not (watch.signals or watch.logs):
        return watch
    every = min(watch.every, period) if period else watch.every
    return watch.model_copy(update={"period": period, "every": every})


def plan_for(watch: Watch, evidence: Evidence) -> Plan:
    """Return the plan, its rules under the names by which the evidence was recorded.

    A name with a placeholder in it was recorded as what it stood for then.
    """
    signals = [*(s.rule.name for s in evidence.signals), *(s.rule.name for s in evidence.columns)]
    logs = [log.rule.name for log in evidence.logs]
    return Plan(
        period_s=watch.period.total_seconds(),
        every_s=watch.every.total_seconds(),
        extend_s=watch.extend.by.total_seconds(),
        extensions=watch.extend.at_most,
        undecided=Undecided(watch.undecided),
        signals=tuple(_rule(signal, recorded_as(signal.name, signals)) for signal in watch.signals),
        logs=tuple(
            LogRule(name=name)
            for name in dict.fromkeys(recorded_as(log.title, logs) for log in watch.logs)
        ),
    )


def recorded_as(name: str, recorded: Iterable[str]) -> str:
    """Return the one recorded name that this one can stand for; itself where none or many fit."""
    known = list(recorded)
    if name in known or not _PLACEHOLDER.search(name):
        return name
    fixed = (re.escape(part) for part in _PLACEHOLDER.split(name))
    shape = re.compile(".+".join(fixed), re.DOTALL)
    fitting = [one for one in known if shape.fullmatch(one)]
    return fitting[0] if len(fitting) == 1 else name


def _rule(signal: Signal, name: str) -> SignalRule:
    return SignalRule(
        name=name,
        kind=SignalKind(signal.kind),
        bad=None if signal.bad is None else Bad(signal.bad),
        unit=signal.unit,
        matters_from=signal.matters_from,
        min_requests=signal.min_requests,
        muted=signal.muted,
    )
