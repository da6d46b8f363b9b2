"""The deployment section as people read it: what runs, what came with it, how the last runs went.

Pure. It says what the state says; words of others in it went through `markdown` before.
"""

from goaround_scribe.markdown import inline, moment, table
from goaround_scribe.memory import Running, State, Story

_RUNS = ("Environment", "Version", "Since", "Asked for by", "Why", "Run")
_LAST = ("When", "Environment", "Version", "Ended", "Asked for by", "Why", "Run")


def rendered(state: State) -> list[str]:
    """Return the section's lines, without its markers and its memory."""
    lines = ["## Deployment", ""]
    rows = [_runs(name, row) for name, row in sorted(state.environments.items())]
    lines += table(_RUNS, rows) if rows else ["No version is known to run anywhere."]
    if state.dashboards:
        lines += ["", f"Dashboards: {', '.join(state.dashboards)}"]
    lines += _changed(state)
    if state.deployments:
        last = [
            (moment(d.at), d.environment, d.version, d.ended, d.asked_by, d.why, d.run)
            for d in state.deployments
        ]
        lines += ["", "### Last deployments", "", *table(_LAST, last)]
    if state.rollbacks:
        lines += ["", "### Last rollbacks"]
        lines += [line for story in state.rollbacks for line in _story(story)]
    return lines


def _runs(environment: str, row: Running) -> tuple[str, ...]:
    version = inline(row.version, 130)
    if row.doubted_by is not None:
        version = f"{version} (IN DOUBT: the way back of run {row.doubted_by} failed)"
    return (environment, version, moment(row.since), row.asked_by, row.why, row.run)


def _changed(state: State) -> list[str]:
    if not state.changed_by:
        return []
    lines = ["", f"### What came with {inline(state.changed_by, 200)}", ""]
    lines += [f"- Artifact: {state.artifact}"] if state.artifact else []
    lines += _listed("Configuration", state.changes or ("nothing changed",))
    return lines + _listed("Migrations", state.migrations)


def _listed(title: str, told: tuple[str, ...]) -> list[str]:
    return [f"- {title}:", *(f"  - {line}" for line in told)] if told else []


def _story(story: Story) -> list[str]:
    return ["", f"**{story.title}**", "", *story.lines]
