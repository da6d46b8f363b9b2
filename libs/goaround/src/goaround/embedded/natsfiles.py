"""The NATS server's files that we write: its settings and the users' passwords, for our eyes only.

Both are replaced whole, so that a crash leaves the old or the new and never half of one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from goaround.embedded.errors import ServerError
from goaround.embedded.process import write_private


class NatsFiles:
    """`nats.json` and `credentials.json` in the server's root."""

    def __init__(self, root: Path) -> None:
        self.config = root / "nats.json"
        self._passwords = root / "credentials.json"

    def settings(self) -> dict[str, Any]:
        """Return the settings of the last start.

        Raises:
            ServerError: it was never started, or the file was damaged.
        """
        if not self.config.exists():
            raise ServerError("nats", "it was never started", "Start it first.")
        return self._read(self.config, "Remove it and start again.")

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Keep the settings; the server reads JSON as it is."""
        write_private(self.config, json.dumps(settings, indent=2) + "\n")

    def passwords(self) -> dict[str, str]:
        """Return every user's password, none before the first start.

        Raises:
            ServerError: the file was damaged.
        """
        if not self._passwords.exists():
            return {}
        return self._read(
            self._passwords, "Remove it and start every service again: new passwords are made."
        )

    def write_passwords(self, passwords: Mapping[str, str]) -> None:
        """Keep the passwords."""
        write_private(self._passwords, json.dumps(passwords, indent=2) + "\n")

    @staticmethod
    def _read(path: Path, advice: str) -> dict[str, Any]:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ServerError("nats", f"{path} is not JSON ({error})", advice) from error
        if not isinstance(found, dict):
            raise ServerError("nats", f"{path} holds no JSON object", advice)
        return cast("dict[str, Any]", found)
