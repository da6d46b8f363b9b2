"""What people are told of a run, in one title and one text a moment.

Pure.
"""

from goaround_orchestrator.run import Run
from goaround_schemas.guide.guide import NoticeMoment

_FINISHED = {
    "succeeded": "succeeded",
    "rolled_back": "rolled back",
    "rollback_failed": "ROLLBACK FAILED",
    "rejected": "rejected",
    "aborted": "called off",
    "superseded": "superseded",
}


def title(run: Run, moment: NoticeMoment) -> str:
    """One line that says what happened to what."""
    about = f"{run.service} {run.version or ''}".strip() + f" in {run.environment}"
    urgent = "EMERGENCY " if run.emergency else ""
    match moment:
        case "started":
            said = "rollback starts" if run.kind == "rollback" else "deployment starts"
        case "awaiting_approval":
            said = "waits for approval"
        case "held":
            said = "held: a person must decide"
        case "rolling_back":
            said = "goes around"
        case "finished":
            said = _FINISHED.get(run.phase, run.phase)
        case "page":
            said = "ROLLBACK FAILED, a person is needed now"
    return f"{urgent}{about}: {said}"


def text(run: Run, moment: NoticeMoment) -> str:
    """Why, who asked for it, and what a person can do now."""
    lines = [run.reason + "."] if not run.reason.endswith(".") else [run.reason]
    lines.append(f"Asked for by {run.requested_by}.")
    if run.request_reason:
        lines.append(f"Reason given: {run.request_reason}")
    match moment:
        case "awaiting_approval":
            lines.append(f"To approve: goaround approve {run.id}")
        case "held":
            lines.append(
                f"To accept: goaround promote {run.id}. To watch on: goaround resume {run.id}. "
                f"To go back: goaround rollback {run.id}"
            )
            if run.deadline:
                then = run.the_plan.hold_then
                lines.append(
                    f"Without a word it is {then} at {run.deadline:%Y-%m-%d %H:%M:%S} UTC."
                )
        case "page":
            if run.going:
                lines += [f"Known: {said}" for said in run.going.known]
                lines += [f"Next: {said}" for said in run.going.next]
            lines.append(f"What is known: goaround show {run.id}")
        case "started" | "rolling_back" | "finished":
            lines.append(f"Details: goaround show {run.id}")
    return "\n".join(lines)
