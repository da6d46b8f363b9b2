"""Checks and commands with what does not matter filled in."""

import ssl
from functools import cache
from typing import Any

import httpx

from goaround_schemas.guide import Check
from goaround_schemas.matrix import MatrixKind, Question, WorkVerify, WorkVerifyData
from goaround_verifier.checks.exchange import new_client, trust
from goaround_verifier.checks.probe import Mask, Probe
from goaround_verifier.finding import Finding


def as_is(text: str) -> str:
    return text


def check(**fields: Any) -> Check:
    return Check.model_validate(fields)


def any_check(**fields: Any) -> Check:
    return check(tcp={"host": "127.0.0.1", "port": 1}, **fields)


def question(asked: Check | None = None, category: str = "smoke") -> Question:
    return Question(category=category, check=asked or any_check())


def asked(
    *questions: Question, kind: MatrixKind = "health", within_s: float | None = None
) -> WorkVerifyData:
    return WorkVerifyData(
        run_id="run-1",
        service="checkout",
        environment="prod",
        kind=kind,
        of="2.4.1",
        questions=questions,
        within_s=within_s,
    )


def command(*questions: Question, id: str = "cmd-1", **fields: Any) -> WorkVerify:  # noqa: A002
    return WorkVerify(
        id=id,
        source="orchestrator",
        subject="run-1",
        correlationid="run-1",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data=asked(*questions, **fields),
    )


async def ask(probe: Probe, asked_: Check, timeout_s: float = 5.0, mask: Mask = as_is) -> Finding:
    return await probe.ask(asked_, timeout_s, mask)


@cache
def _trust() -> ssl.SSLContext:
    return trust()


def client() -> httpx.AsyncClient:
    return new_client(_trust())
