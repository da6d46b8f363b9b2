"""`smoke`: the shop's smoke test, as its team wrote it: one order, placed, read back, added up.

It looks at one running shop through its front door, and never at its database or its version.
"""

import argparse
import sys
from collections.abc import Sequence

import httpx

QUANTITY, UNIT_CENTS = 2, 250
"""Two pieces, no discount: every release must answer 500."""


class SmokeFailed(Exception):
    """The shop answered, and the answer is wrong."""


def smoke(client: httpx.Client) -> str:
    """Place an order and read it back; return what was seen.

    Raises:
        SmokeFailed: an answer was wrong.
        httpx.TransportError: there was no answer, so nothing is known.
    """
    wish = {"item": "smoke", "quantity": QUANTITY, "unit_cents": UNIT_CENTS, "note": "smoke test"}
    placed = client.post("/orders", json=wish)
    order = _total(placed, "POST /orders", 201)
    read = client.get(f"/orders/{order}")
    _total(read, f"GET /orders/{order}", 200)
    return f"order {order} placed and read back, total {QUANTITY * UNIT_CENTS}"


def _total(response: httpx.Response, asked: str, status: int) -> object:
    """Check the answer's status and total; return the order's number."""
    if response.status_code != status:
        said = response.text.strip()[:200]
        raise SmokeFailed(f"{asked} answered {response.status_code}, not {status}: {said}")
    try:
        order = response.json()
        number, total = order["id"], order["total_cents"]
    except (ValueError, KeyError, TypeError):
        raise SmokeFailed(f"{asked} answered no order: {response.text[:200]!r}") from None
    if total != QUANTITY * UNIT_CENTS:
        wanted = f"{QUANTITY} at {UNIT_CENTS} make {QUANTITY * UNIT_CENTS}"
        raise SmokeFailed(f"{asked} answered a total of {total}; {wanted}")
    return number


def main(argv: Sequence[str]) -> int:
    """Exit 0 if the shop takes orders rightly, 1 if it does not, 2 if that could not be told."""
    parser = argparse.ArgumentParser(prog="goaround_shop smoke", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds for each answer")
    args = parser.parse_args(argv[1:])
    try:
        with httpx.Client(base_url=args.url, timeout=args.timeout, trust_env=False) as client:
            print(smoke(client))
    except SmokeFailed as error:
        print(error, file=sys.stderr)
        return 1
    except (httpx.TransportError, httpx.InvalidURL) as error:
        print(f"no answer from {args.url}: {error or type(error).__name__}", file=sys.stderr)
        return 2
    return 0
