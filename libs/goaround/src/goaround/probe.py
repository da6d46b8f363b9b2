"""Asking a service on this machine whether it is ready, at the probes that its file names."""

import urllib.error
import urllib.request
from pathlib import Path

_MOST_SAID = 500


def address(port_file: Path) -> str | None:
    """Return where a service answers /live, /ready and /metrics; None until it has said so."""
    try:
        return f"http://127.0.0.1:{int(port_file.read_text())}"
    except (OSError, ValueError):
        return None


def not_ready(where: str, timeout_s: float = 2.0) -> str | None:
    """Return what the service at that address is not ready for, or None.

    Raises:
        OSError: It does not answer.
    """
    try:
        with urllib.request.urlopen(f"{where}/ready", timeout=timeout_s):
            return None
    except urllib.error.HTTPError as error:
        return error.read(_MOST_SAID).decode(errors="replace")
