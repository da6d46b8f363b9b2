"""All expressions of a look as one question: what it brings is what each alone would have."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from goaround_judge import SampleState
from goaround_schemas.guide import PrometheusServer, Source
from goaround_watcher.sources.http import Http
from goaround_watcher.sources.joined import Lapsing, is_closed, join
from goaround_watcher.sources.port import Answer
from goaround_watcher.sources.prometheus import Experience, Prometheus
from tests.watcher.builders import since_1970, span
from tests.watcher.provider import Asked, Provider

VALUES = {"up": 1.0, "down": 2.0, "sum(x) # all": 3.0}
_PART = re.compile(r'label_replace\(\(\n(.*?)\n\), "goaround_signal", "(\d+)", "", ""\)', re.DOTALL)


def series(place: str | None, value: float) -> dict[str, Any]:
    metric = {} if place is None else {"goaround_signal": place}
    return {"metric": metric, "values": [[since_1970(5), str(value)]]}


def said(*found: dict[str, Any], **more: Any) -> bytes:
    data = {"resultType": "matrix", "result": list(found)}
    return json.dumps({"status": "success", "data": data, **more}).encode()


def steady(asked: Asked) -> bytes:
    """Answer as a server does that knows `VALUES`."""
    parts = _PART.findall(asked.query["query"])
    if parts:
        return said(*(series(place, VALUES[text]) for text, place in parts if text in VALUES))
    value = VALUES.get(asked.query["query"])
    return said() if value is None else said(series(None, value))


class Asking:
    """A look after another, with what was learnt."""

    def __init__(self, http: Http, server: Provider) -> None:
        self.http, self.server, self.experience = http, server, Experience()

    async def __call__(self, *queries: str) -> dict[str, Answer]:
        self.server.asked.clear()
        source = Prometheus(self.http, PrometheusServer(url=self.server.url), self.experience)
        about = span(0, 5, timeout_s=0.6)
        sampled = await source.sample([Source(prometheus=q) for q in queries], about, {})
        return dict(zip(queries, sampled.answers, strict=True))


@pytest.fixture
def ask(http: Http, server: Provider) -> Asking:
    server.body = steady
    return Asking(http, server)


async def test_a_look_is_one_question_however_many_expressions(
    ask: Asking, server: Provider
) -> None:
    answers = await ask(*VALUES, "up")
    assert {q: a.points[0].value for q, a in answers.items()} == VALUES
    assert len(server.asked) == 1


async def test_an_expression_without_series_has_none_of_the_others(ask: Asking) -> None:
    answers = await ask("nonesuch", "up")
    assert answers["nonesuch"].state is SampleState.NO_DATA
    assert answers["up"].points[0].value == 1


async def test_several_series_are_told_of_the_expression_that_has_them(
    ask: Asking, server: Provider
) -> None:
    server.body = lambda asked: said(series("0", 1), series("1", 2), series("0", 3))
    answers = await ask("up", "down")
    assert "returned 2 series" in answers["up"].detail
    assert answers["down"].points[0].value == 2


def refusing(word: str, status: int = 400) -> Any:
    """Make a server that refuses whatever holds a word."""

    def body(server: Provider, asked: Asked) -> bytes:
        refused = word in asked.query["query"]
        server.status = status if refused else 200
        return b'{"error": "parse error: wrong"}' if refused else steady(asked)

    return body


async def test_a_wrong_expression_gets_its_own_reason_and_is_left_out_from_then_on(
    ask: Asking, server: Provider
) -> None:
    refuse = refusing("wrong")
    server.body = lambda asked: refuse(server, asked)
    for questions in (4, 2):
        answers = await ask("up", "wrong", "down")
        assert "answered 400: parse error: wrong" in answers["wrong"].detail
        assert (answers["up"].points[0].value, answers["down"].points[0].value) == (1, 2)
        assert len(server.asked) == questions


async def test_what_is_refused_only_together_is_asked_apart_from_then_on(
    ask: Asking, server: Provider
) -> None:
    refuse = refusing("label_replace", 422)
    server.body = lambda asked: refuse(server, asked)
    for questions in (3, 2):
        answers = await ask("up", "down")
        assert (answers["up"].points[0].value, answers["down"].points[0].value) == (1, 2)
        assert len(server.asked) == questions


async def test_an_answer_that_does_not_say_whose_it_is_is_not_believed(
    ask: Asking, server: Provider
) -> None:
    server.body = lambda asked: (
        said(series(None, 9)) if "label_replace" in asked.query["query"] else steady(asked)
    )
    assert (await ask("up", "down"))["up"].points[0].value == 1


async def test_a_server_that_fails_is_asked_together_again(ask: Asking, server: Provider) -> None:
    server.says("gone", status=503)
    answers = await ask("up", "down")
    assert {a.state for a in answers.values()} == {SampleState.PROVIDER_ERROR}
    server.body, server.status = steady, 200
    assert (await ask("up", "down"))["up"].points[0].value == 1
    assert len(server.asked) == 1


async def test_a_server_that_hangs_is_given_up_within_the_looks_patience(
    ask: Asking, server: Provider
) -> None:
    server.hangs = True
    answers = await ask("up", "down")
    assert all("did not answer within 0." in a.detail for a in answers.values())


async def test_a_server_that_is_not_there_is_asked_once(http: Http) -> None:
    source = Prometheus(http, PrometheusServer(url="http://127.0.0.1:1"))
    asked = [Source(prometheus=q) for q in ("up", "down")]
    sampled = await source.sample(asked, span(0, 5), {})
    assert all("cannot be reached" in answer.detail for answer in sampled.answers)


async def test_a_long_question_is_sent_as_a_form(ask: Asking, server: Provider) -> None:
    await ask("up", "x" * 3_000)
    assert len(server.asked) >= 1
    assert "query" not in server.asked[0].query
    assert server.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("expression", "closed"),
    [
        ('sum(rate(x{a=~"b("}[5m])) # isn\'t (', True),
        ('up{a="\\")"}', True),
        ("`a\\` + up", True),
        ("", True),
        ("up) or (down", False),
        ("sum(", False),
        ("{a='b}", False),
        ("x[5m)", False),
        ("`a", False),
    ],
)
def test_only_what_closes_all_that_it_opens_is_joined(expression: str, closed: bool) -> None:
    assert is_closed(expression) is closed


def test_joined_expressions_have_lines_of_their_own() -> None:
    assert join(["up # one", "down"]) == (
        'label_replace((\nup # one\n), "goaround_signal", "0", "", "") or '
        'label_replace((\ndown\n), "goaround_signal", "1", "", "")'
    )


def test_what_was_learnt_lapses_and_is_bounded() -> None:
    known = Lapsing(most=2, for_s=10)
    for at, member in enumerate("abc"):
        known.add(member, at)
    assert [known.has(member, 3) for member in "abc"] == [False, True, True]
    assert [known.has(member, 11.5) for member in "abc"] == [False, False, True]
