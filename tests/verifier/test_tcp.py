import asyncio

import pytest

from goaround_verifier.checks.tcp import TcpProbe
from goaround_verifier.finding import Again, Finding
from tests.verifier.builders import ask, check
from tests.verifier.server import closed_port, hang, raw_server


async def probe(host: str, port: int | str, timeout_s: float = 5.0) -> Finding:
    return await ask(TcpProbe(), check(tcp={"host": host, "port": port}), timeout_s)


async def test_an_open_port_passes() -> None:
    async with raw_server(hang) as port:
        finding = await probe("127.0.0.1", str(port))
    assert finding.outcome == "passed"
    assert f"127.0.0.1:{port} took a connection" in finding.detail


async def test_a_name_is_looked_up() -> None:
    async with raw_server(hang) as port:
        finding = await probe("localhost", port)
    assert finding.outcome == "passed"
    assert f"localhost:{port} took a connection" in finding.detail


async def test_what_is_no_name_at_all_tells_nothing() -> None:
    for host in (f"{'a' * 64}.example", "a..example"):
        finding = await probe(host, 80)
        assert finding.outcome == "errored", finding
        assert f"tcp {host}:80" in finding.detail


async def test_a_closed_port_may_be_a_start_and_is_a_no_in_the_end() -> None:
    port = closed_port()
    finding = await probe("127.0.0.1", port)
    assert (finding.outcome, finding.again) == ("failed", Again.RETRY)
    assert f"nothing listens at 127.0.0.1:{port}" in finding.detail


async def test_a_name_that_nobody_knows_tells_nothing() -> None:
    finding = await probe("nowhere.invalid", 80)
    assert finding.outcome == "errored"
    assert "nowhere.invalid:80" in finding.detail


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", ""])
async def test_what_is_no_port_is_said_and_not_tried(port: str) -> None:
    finding = await probe("127.0.0.1", port)
    assert (finding.outcome, finding.again) == ("errored", Again.NEVER)


async def test_a_connection_that_takes_too_long_is_given_up() -> None:
    """A full backlog: the kernel answers nothing, and connecting just hangs."""
    import socket

    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port: int = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(8)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            await asyncio.sleep(0)
            finding = await probe("127.0.0.1", port, timeout_s=0.2)
        finally:
            for filler in fillers:
                filler.close()
    assert finding.outcome == "errored"
    assert "no connection within 0.2 s" in finding.detail
