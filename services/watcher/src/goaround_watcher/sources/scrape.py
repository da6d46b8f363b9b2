"""Numbers from the service's own metrics page, with no Prometheus at all.

One request a page and look, however many signals read it. The page's counters are handed back to
be kept in the watch's state, so that whichever watcher looks next can tell their growth.
"""

import asyncio
from collections.abc import Sequence

from goaround_judge import SampleState
from goaround_schemas.guide import NumberSource, ScrapeSource
from goaround_watcher.sources import exposition, readings
from goaround_watcher.sources.http import Http, shown
from goaround_watcher.sources.port import Answer, Counters, Memory, Sampled, SourceError, Span


class Scrape:
    """Reads metrics pages."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def sample(self, sources: Sequence[NumberSource], span: Span, memory: Memory) -> Sampled:
        """Answer for each source, with one number each at the end of the span."""
        asked = [s.scrape for s in sources if s.scrape is not None]
        urls = sorted({s.url for s in asked})
        pages = await asyncio.gather(
            *(self._page([s for s in asked if s.url == url], span) for url in urls)
        )
        found = dict(zip(urls, pages, strict=True))
        kept = dict(memory)
        for url, (page, counters) in found.items():
            if not isinstance(page, SourceError) and counters is not None:
                kept[url] = counters
        answers = tuple(_answer(s, found[s.url][0], memory.get(s.url)) for s in asked)
        return Sampled(answers, kept)

    async def _page(
        self, sources: Sequence[ScrapeSource], span: Span
    ) -> tuple[readings.Page | SourceError, Counters | None]:
        url = sources[0].url
        headers = {k: v for s in sources for k, v in s.headers.items()}
        names = {name for s in sources for name in readings.names_of(s)} | {readings.STARTED}
        try:
            body = await self._http.get(url, timeout_s=span.timeout_s, headers=headers)
            series = exposition.series(body.decode(errors="replace"), names)
            page = readings.Page(span.until, tuple(series))
            return page, page.counters()
        except SourceError as error:
            return error, None
        except exposition.NotANumber as error:
            return SourceError(f"{shown(url)}: {error}"), None


def _answer(
    source: ScrapeSource, page: readings.Page | SourceError, before: Counters | None
) -> Answer:
    if isinstance(page, SourceError):
        return Answer((), SampleState.PROVIDER_ERROR, page.detail)
    answer = readings.read(source, page, before)
    if answer.detail:
        return Answer(answer.points, answer.state, f"{shown(source.url)}: {answer.detail}")
    return answer
