"""Mail, chat, pagers and the rest, through Apprise.

Apprise is synchronous and slow to load: it is loaded at the first notice that needs it, and each
notice is sent in a thread, in bounded time. Its own log stays silent, since it quotes addresses;
only the status it reports is read from it. It keeps nothing on disk, follows no redirect and asks
nobody but the recipient's service.
"""

import asyncio
import importlib
import logging
import re
import warnings
from difflib import get_close_matches
from typing import Any

from goaround_notifier.address import scheme_of
from goaround_notifier.channel import NotDelivered
from goaround_notifier.notice import Notice, headline
from goaround_notifier.thread import Broke, Threads

MOST_THREADS = 64
# Once in a process's life, on a machine that may be busy with starting everything else.
LOAD_S = 30.0

_STATUS = re.compile(r"\berror=(\d{3})\b")
_PASSING = ("408", "429")


class AppriseChannel:
    """Tells by whatever Apprise knows."""

    def __init__(self, timeout_s: float, most_threads: int = MOST_THREADS) -> None:
        self._timeout_s = timeout_s
        self._threads = Threads(most_threads)
        self._loading: asyncio.Task[Any] | None = None

    async def send(self, notice: Notice) -> None:
        """Return once the recipient's service took the notice.

        Raises:
            NotDelivered: It did not, within the time of one attempt.
        """
        apprise = await self._loaded()
        called = f"{scheme_of(notice.to)}://"
        try:
            refused = await self._threads.run(lambda: _tell(apprise, notice), self._timeout_s)
        except TimeoutError:
            why = f"{called} did not take it within {self._timeout_s:g} s"
            raise NotDelivered(why, permanent=False) from None
        except Broke as error:
            raise NotDelivered(f"{called}: {error}", permanent=False) from None
        if refused is not None:
            raise refused

    async def _loaded(self) -> Any:
        """Apprise itself; who comes while it is being loaded waits for the same loading."""
        if self._loading is None or (self._loading.done() and self._loading.exception()):
            self._loading = asyncio.ensure_future(self._threads.run(_load, LOAD_S))
        try:
            return await asyncio.shield(self._loading)
        except (Broke, TimeoutError) as error:
            why = f"Apprise cannot be loaded ({type(error).__name__}); is it installed?"
            raise NotDelivered(why, permanent=False) from error


def _load() -> Any:
    with warnings.catch_warnings():
        # What it thinks of the modules that it loads itself is its maintainers' affair.
        warnings.simplefilter("ignore", DeprecationWarning)
        module = importlib.import_module("apprise")
        module.manager_plugins.NotificationManager().schemas()
    # What it logs holds addresses; libraries below it log the path of each request.
    for name in ("apprise", "urllib3", "requests", "httpcore"):
        quiet = logging.getLogger(name)
        quiet.propagate = False
        quiet.handlers[:] = [logging.NullHandler()]
    return module


def _tell(apprise: Any, notice: Notice) -> NotDelivered | None:
    """Send, in a thread, and return what went wrong: of what Apprise says only a status."""
    scheme = scheme_of(notice.to)
    known = apprise.manager_plugins.NotificationManager()
    if scheme is None or scheme not in known:
        return NotDelivered(_unknown(scheme, list(known.schemas())), permanent=True)
    asset = apprise.AppriseAsset(
        async_mode=False, http_redirects=False, pem_autogen=False, pgp_autogen=False
    )
    # One address is one recipient: `Apprise.add` would split it at commas and spaces.
    service = apprise.Apprise.instantiate(notice.to, asset=asset)
    if service is None:
        why = f"Apprise cannot read this {scheme}:// address; see how its documentation writes one"
        return NotDelivered(why, permanent=True)
    said: list[str] = []

    def heard(entry: Any, _: Any) -> None:
        said.append(str(entry))

    recipient = apprise.Apprise(asset=asset)
    recipient.add(service)
    taken = recipient.notify(
        title=headline(notice),
        body=notice.text,
        notify_type=apprise.NotifyType.FAILURE if notice.urgent else apprise.NotifyType.INFO,
        body_format=apprise.NotifyFormat.TEXT,
        interpret_escapes=False,
        log_callback=heard,
        log_level=logging.WARNING,
    )
    return None if taken else _refused(scheme, " ".join(said))


def _refused(scheme: str, said: str) -> NotDelivered:
    status = next(iter(_STATUS.findall(said)), None)
    if status is None:
        return NotDelivered(f"{scheme}:// did not take it", permanent=False)
    permanent = status.startswith("4") and status not in _PASSING
    return NotDelivered(f"{scheme}:// answered {status}", permanent=permanent)


def _unknown(scheme: str | None, known: list[str]) -> str:
    if scheme is None:
        return "the address has no scheme; write https://... or an Apprise URL such as slack://..."
    near = get_close_matches(scheme, [*known, "http", "https"], n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}://?" if near else ""
    return f"no channel is called {scheme}://{hint}"
