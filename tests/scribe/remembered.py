"""A page's memory after a run, with what does not matter filled in."""

from datetime import datetime

from goaround_scribe.configfile import ConfigFile
from goaround_scribe.memory import Changed, Deployment, News, State, Story, advanced
from tests.builders import NOON


def after(
    state: State,
    version: str | None = "2.4.1",
    *,
    run: str = "r-1",
    environment: str = "prod",
    moment: datetime = NOON,
    changes: tuple[str, ...] = ("watch.period: 5m -&gt; 10m",),
    went_back: bool = False,
    failed: bool = False,
    why: str = "faster checkout",
) -> State:
    """A page's memory after a run, which has a story if it went back or failed to."""
    told = Deployment(
        run=run,
        at=moment,
        environment=environment,
        version=version or "–",
        ended="succeeded",
        asked_by="ada",
        why=why,
    )
    story = Story(run=run, at=moment, title=run, lines=("- Reason: why.",))
    news = News(
        deployment=told,
        version=version,
        went_back=went_back,
        failed=failed,
        why=why,
        asked_by="ada",
        changed=Changed(configuration=changes),
        files={"app.toml": ConfigFile("sha256:1", {"a": "1"})},
        story=story if went_back or failed else None,
    )
    return advanced(state, news)
