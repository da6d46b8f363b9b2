"""Lines from Loki: its wire format as it is documented, and a real server where there is one."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from goaround_judge import SampleState
from goaround_schemas.guide import LogSource
from goaround_watcher.sources.http import Http
from goaround_watcher.sources.loki import MOST_LINES, Loki
from goaround_watcher.sources.port import Span
from tests.watcher.builders import span
from tests.watcher.provider import Provider, web


def loki(url: str) -> LogSource:
    return LogSource.model_validate({"loki": {"url": url, "query": '{app="shop"}'}})


async def test_loki_is_asked_for_the_span_and_read_in_order(http: Http, server: Provider) -> None:
    streams: list[dict[str, Any]] = [
        {"stream": {"pod": "a"}, "values": [["3", "third"], ["1", "first"]]},
        {"stream": {"pod": "b"}, "values": [["2", "second"]]},
    ]
    server.says_json({"status": "success", "data": {"resultType": "streams", "result": streams}})
    said = await Loki(http).lines(loki(server.url), span(0, 5), {})
    assert said.lines == ("first", "second", "third")
    (asked,) = server.asked
    assert asked.path == "/loki/api/v1/query_range"
    assert asked.query["query"] == '{app="shop"}'
    assert int(asked.query["end"]) - int(asked.query["start"]) == 5_000_000_000


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html>", "is it Loki?"),
        ('{"data": {"resultType": "matrix", "result": []}}', "log query is needed"),
        ('{"data": {"resultType": "streams", "result": [{"values": [["x"]]}]}}', "cannot be read"),
    ],
)
async def test_what_is_no_answer_of_lokis_says_so(
    http: Http, server: Provider, body: str, words: str
) -> None:
    server.says(body)
    said = await Loki(http).lines(loki(server.url), span(0, 5), {})
    assert said.state is SampleState.PROVIDER_ERROR
    assert words in said.detail


async def test_lines_of_one_moment_keep_their_order(http: Http, server: Provider) -> None:
    written = ["ERROR pay", "Traceback (most recent call last):", "  a.py", "KeyError: x"]
    values = [["1", line] for line in reversed(written)]
    streams: list[dict[str, Any]] = [{"stream": {}, "values": values}]
    server.says_json({"status": "success", "data": {"resultType": "streams", "result": streams}})
    said = await Loki(http).lines(loki(server.url), span(0, 5), {})
    assert said.lines == ("\n".join(written),)


async def test_what_stands_beside_a_line_is_no_part_of_it(http: Http, server: Provider) -> None:
    values = [["1", "first", {"trace_id": "7"}]]
    streams: list[dict[str, Any]] = [{"stream": {}, "values": values}]
    stats = {"summary": {"bytesProcessedPerSecond": 0}}
    server.says_json(
        {
            "status": "success",
            "data": {"resultType": "streams", "result": streams, "stats": stats},
        }
    )
    said = await Loki(http).lines(loki(server.url), span(0, 5), {})
    assert said.lines == ("first",)


async def test_a_full_answer_says_that_older_lines_are_left_out(
    http: Http, server: Provider
) -> None:
    values = [[str(i), f"line {i}"] for i in range(MOST_LINES, 0, -1)]
    streams: list[dict[str, Any]] = [{"stream": {}, "values": values}]
    server.says_json({"status": "success", "data": {"resultType": "streams", "result": streams}})
    said = await Loki(http).lines(loki(server.url), span(0, 5), {})
    assert (said.lines[0], said.lines[-1]) == ("line 1", f"line {MOST_LINES}")
    assert f"more than {MOST_LINES} lines" in said.detail
    (asked,) = server.asked
    assert asked.query["limit"] == str(MOST_LINES)
    assert asked.query["direction"] == "backward", "of too many, the newest are wanted"


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"),
        (401, "no org id"),
        (429, "too many outstanding requests"),
    ],
)
async def test_a_refusal_is_told_in_lokis_words(
    http: Http, server: Provider, status: int, text: str
) -> None:
    server.says(f"{text}\n", status=status)
    said = await Loki(http).lines(loki(server.url), span(0, 5), {})
    assert said.state is SampleState.PROVIDER_ERROR
    assert said.detail.endswith(f"answered {status}: {text}")


def grafana_loki() -> str | None:
    """The program, if it is Grafana's: a program of genetics has the same name."""
    program = shutil.which("loki")
    if program is None:
        return None
    said = subprocess.run(
        [program, "-version"], capture_output=True, text=True, check=False, timeout=10
    )
    return program if "loki, version" in said.stdout + said.stderr else None


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[str]:
    program = grafana_loki()
    if program is None:
        pytest.skip("no loki on the path: its answers are tested in their documented form")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    config = {
        "auth_enabled": False,
        "server": {
            "http_listen_address": "127.0.0.1",
            "http_listen_port": port,
            "grpc_listen_address": "127.0.0.1",
            "grpc_listen_port": 0,
        },
        "common": {
            "instance_addr": "127.0.0.1",
            "path_prefix": str(tmp_path),
            "storage": {"filesystem": {"chunks_directory": str(tmp_path / "chunks")}},
            "replication_factor": 1,
            "ring": {"kvstore": {"store": "inmemory"}},
        },
        "schema_config": {
            "configs": [
                {
                    "from": "2024-01-01",
                    "store": "tsdb",
                    "object_store": "filesystem",
                    "schema": "v13",
                    "index": {"prefix": "index_", "period": "24h"},
                }
            ]
        },
        "analytics": {"reporting_enabled": False},
    }
    written = tmp_path / "loki.yaml"
    written.write_text(json.dumps(config))  # JSON is YAML.
    process = await asyncio.create_subprocess_exec(
        program,
        f"-config.file={written}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 30)


@pytest.mark.system
async def test_a_real_loki_is_understood(real: str) -> None:
    now = time.time()
    values = [[str(int((now - 3 + i / 10) * 1e9)), f"line {i}"] for i in range(10)]
    pushed = {"streams": [{"stream": {"app": "shop"}, "values": values}]}
    deadline = time.monotonic() + 60
    async with httpx.AsyncClient() as client, web() as http:
        while True:
            try:
                answer = await client.post(f"{real}/loki/api/v1/push", json=pushed)
                if answer.status_code == 204:
                    break
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "it never took a line"
            await asyncio.sleep(0.2)
        source = Loki(http)
        said = await source.lines(loki(real), Span(now - 10, now, 5, 5), {})
        assert said.lines == tuple(f"line {i}" for i in range(10)), said.detail
        none = await source.lines(loki(real), Span(now - 20, now - 10, 5, 5), {})
        assert (none.state, none.lines) == (SampleState.OK, ())
        wrong = LogSource.model_validate({"loki": {"url": real, "query": "{app="}})
        refused = await source.lines(wrong, Span(now - 10, now, 5, 5), {})
        assert refused.state is SampleState.PROVIDER_ERROR
        assert "answered 400: parse error" in refused.detail
