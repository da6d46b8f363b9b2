"""`board`: a notice board. It stands for the team's chat and pager: it keeps what is posted to it.

Every POST is one line of a JSON Lines file, whole or not at all. It never throws a notice away,
not even one that comes twice: that is what its reader wants to see.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from goaround_shop.http11 import Request, Response, answer
from goaround_shop.stand_in import arguments, stand


class Board:
    """Keeps notices in a file. The first `fail_first` posts are turned away with a 503."""

    def __init__(self, file: Path, fail_first: int = 0) -> None:
        self._file = file
        self._to_fail = fail_first
        self._writing = asyncio.Lock()

    async def __call__(self, request: Request) -> Response:
        """Keep a POST, list on GET."""
        if request.method == "GET":
            return answer(200, {"notices": _read(self._file)})
        if request.method != "POST":
            return answer(405, {"error": "POST a notice, or GET them all"})
        if self._to_fail > 0:
            self._to_fail -= 1
            return answer(503, {"error": "the board is closed; try again"})
        try:
            notice: object = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            return answer(400, {"error": f"the notice is not JSON: {error}"})
        kept = {
            "received_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "path": request.path,
            "idempotency_key": request.headers.get("idempotency-key"),
            "content_type": request.headers.get("content-type"),
            "notice": notice,
        }
        async with self._writing:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(kept) + "\n")
        return answer(202, {"kept": True})


def _read(file: Path) -> list[object]:
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def main(argv: Sequence[str]) -> int:
    """Keep notices until told to stop."""
    parser = arguments("board", __doc__)
    parser.add_argument("--file", type=Path, required=True, help="where the notices are kept")
    parser.add_argument("--fail-first", type=int, default=0, metavar="N", help="503 so many times")
    args = parser.parse_args(argv[1:])
    return stand(Board(args.file, args.fail_first), parser, args)
