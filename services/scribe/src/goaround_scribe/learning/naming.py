"""What steps and checks of the guide were called in a run, once its values were filled in.

Pure. Records know rows and steps by these names alone, so this is how a fact finds its place in
the guide; a name that two of them share there is no proof of either.
"""

from collections.abc import Iterator

from pydantic import BaseModel

from goaround_guidebook import Context, Unresolved, render
from goaround_schemas.guide import Guide, Stage
from goaround_scribe.learning.memory import RecordedRun


class _Name(BaseModel, frozen=True):
    name: str


def names_of(guide: Guide, run: RecordedRun, written: str, *, back: bool = False) -> set[str]:
    """Return what a name that is written in the guide was in a run, stage by stage.

    `back` is for what looks at the previous version, whose templates change places.
    """
    if "{" not in written:
        return {written}
    names: set[str] = set()
    stages = guide.stages if "{stage." in written else guide.stages[:1]
    for context in _contexts(guide, run, stages, back=back):
        try:
            names.add(render(_Name(name=written), context).name)
        except Unresolved:
            continue
    return names


def _contexts(
    guide: Guide, run: RecordedRun, stages: tuple[Stage, ...], *, back: bool
) -> Iterator[Context]:
    environment = guide.environments.get(run.environment)
    version, previous = run.version or "", run.previous_version
    if back:
        version, previous = previous or version, version
    for stage in stages:
        # Before anything ran, pre-flight fills in `none`.
        for before in {previous: None, previous or "none": None}:
            yield Context(
                version=version,
                previous_version=before,
                environment=run.environment,
                run_id=run.run_id,
                stage_name=stage.name,
                stage_weight=stage.weight,
                vars=environment.vars if environment else {},
            )
