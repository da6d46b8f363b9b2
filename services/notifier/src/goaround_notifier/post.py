"""From a command to a channel: the address is opened, used and closed again.

References are resolved here, just before sending, and nothing resolved leaves this module but to
the channel. Every word that comes back is masked.
"""

import time
from collections.abc import Mapping

from goaround_notifier.address import kind_of, scheme_of, shown
from goaround_notifier.channel import Channel, NotDelivered
from goaround_notifier.metric import SENDING
from goaround_notifier.notice import notice_of
from goaround_schemas.notice import WorkNotify
from goaround_secrets import Mask, ReferenceMalformed, SecretMissing, resolve


class Post:
    """Sends notices by the channel that their address names."""

    def __init__(self, channels: Mapping[str, Channel], environ: Mapping[str, str]) -> None:
        self._channels = channels
        self._environ = environ

    async def send(self, command: WorkNotify) -> str:
        """Return how the recipient was told, in words that may be shown.

        Raises:
            NotDelivered: The recipient was not told.
        """
        written = command.data.to
        try:
            opened = resolve(written, self._environ)
        except (SecretMissing, ReferenceMalformed) as error:
            raise NotDelivered(str(error), permanent=True) from None
        mask = Mask((*opened.secrets, opened.value))
        kind = kind_of(opened.value)
        started = time.perf_counter()
        try:
            await self._channels[kind].send(notice_of(command, opened.value))
        except NotDelivered as error:
            why = f"{mask.apply(error.why)} (to {mask.apply(shown(written))})"
            raise NotDelivered(why, permanent=error.permanent) from None
        finally:
            SENDING.labels(kind).observe(time.perf_counter() - started)
        by = "webhook" if kind == "webhook" else f"{scheme_of(opened.value)}://"
        return mask.apply(f"told by {by} ({shown(written)})")
