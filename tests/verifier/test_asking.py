import asyncio

import pytest

from goaround_schemas.guide import Check
from goaround_schemas.matrix import MatrixRow
from goaround_verifier.asking import Examiner, Limits
from goaround_verifier.checks.github import GithubProbe
from goaround_verifier.checks.gitlab import GitlabProbe
from goaround_verifier.checks.http import HttpProbe
from goaround_verifier.checks.probe import Mask, Probe
from goaround_verifier.checks.prometheus import PrometheusProbe
from goaround_verifier.checks.run import RunProbe
from goaround_verifier.checks.tcp import TcpProbe
from goaround_verifier.finding import Finding, absent, errored, failed, passed
from goaround_verifier.pace import SystemPace
from goaround_verifier.testing import JumpingPace, PlainSecrets, ScriptedProbe
from tests.verifier.builders import any_check, asked, check, client, question
from tests.verifier.server import Asked, Reply, http_server

LIMITS = Limits()


def examiner(
    probe: Probe,
    pace: JumpingPace | None = None,
    secrets: PlainSecrets | None = None,
    limits: Limits = LIMITS,
) -> Examiner:
    probes: dict[str, Probe] = {"http": probe, "tcp": probe, "run": probe}
    return Examiner(probes, secrets or PlainSecrets(), pace or JumpingPace(), limits)


async def fill(
    probe: Probe, asked_: Check, within_s: float | None = None, pace: JumpingPace | None = None
) -> MatrixRow:
    return await examiner(probe, pace).fill(question(asked_), within_s)


async def test_what_could_not_tell_is_asked_again_and_the_good_answer_stands() -> None:
    probe = ScriptedProbe(errored("reset"), errored("reset"), passed("ok"))
    row = await fill(probe, any_check(retries=2))
    assert (row.outcome, row.attempts) == ("passed", 3)


async def test_retries_are_used_up_and_then_it_is_errored() -> None:
    pace = JumpingPace()
    row = await fill(ScriptedProbe(errored("reset")), any_check(retries=2, every="3s"), pace=pace)
    assert (row.outcome, row.attempts, pace.slept) == ("errored", 3, [3.0, 3.0])
    assert row.detail == "reset (for 6 s, 3 tries)"


async def test_one_definite_no_ends_it() -> None:
    probe = ScriptedProbe(failed("503"), passed("ok"))
    row = await fill(probe, any_check(retries=5))
    assert (row.outcome, row.attempts) == ("failed", 1)


async def test_within_waits_through_a_no() -> None:
    probe = ScriptedProbe(failed("503"), failed("503"), errored("reset"), passed("ok"))
    row = await fill(probe, any_check(), within_s=60)
    assert (row.outcome, row.attempts, row.seconds) == ("passed", 4, 3.0)


async def test_within_ends_with_the_last_finding_and_how_often_it_was_asked() -> None:
    row = await fill(ScriptedProbe(failed("503")), any_check(every="3s", within="120s"))
    assert row.outcome == "failed"
    assert row.detail == "503 (for 120 s, 41 tries)"


async def test_what_is_not_there_is_asked_again_and_is_a_no_in_the_end() -> None:
    row = await fill(ScriptedProbe(absent("nothing listens")), any_check(retries=1))
    assert (row.outcome, row.attempts) == ("failed", 2)


async def test_no_guide_can_have_a_row_asked_for_ever() -> None:
    pace = JumpingPace()
    limits = Limits(longest_s=100)
    row = await examiner(ScriptedProbe(failed("no")), pace, limits=limits).fill(
        question(any_check(within="366d", every="1s")), None
    )
    assert row.outcome == "failed"
    assert pace.seconds() == pytest.approx(100)


async def test_rows_come_in_the_order_of_the_questions_whoever_is_first() -> None:
    def answer(asked_: Check) -> Finding:
        return passed(asked_.title) if asked_.name == "fast" else errored("slow")

    questions = [question(any_check(name=n, retries=3)) for n in ("slow", "fast", "slower")]
    matrix = await examiner(ScriptedProbe(answer)).examine(asked(*questions))
    assert [row.name for row in matrix.rows] == ["slow", "fast", "slower"]
    assert matrix.outcome == "errored"


class Gate:
    """Lets nobody answer until so many ask at the same time."""

    def __init__(self, together: int) -> None:
        self._barrier = asyncio.Barrier(together)

    async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
        await self._barrier.wait()
        return passed("all were here")


async def test_all_rows_are_asked_at_the_same_time() -> None:
    matrix = await asyncio.wait_for(
        examiner(Gate(20)).examine(asked(*[question()] * 20)), timeout=5
    )
    assert matrix.outcome == "passed"


class Crowd:
    """Counts how many ask at the same time."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return passed("ok")


async def test_no_more_tries_run_at_once_than_allowed() -> None:
    crowd = Crowd()
    limited = examiner(crowd, limits=Limits(parallel=3))
    await asyncio.gather(
        limited.examine(asked(*[question()] * 10)), limited.examine(asked(*[question()] * 10))
    )
    assert crowd.most == 3


async def test_a_row_that_waits_for_its_next_try_holds_no_place() -> None:
    def answer(asked_: Check) -> Finding:
        return passed("ok") if asked_.name == "quick" else errored("not yet")

    limited = examiner(ScriptedProbe(answer), limits=Limits(parallel=1))
    questions = [question(any_check(name="waits", within="1h")), question(any_check(name="quick"))]
    matrix = await limited.examine(asked(*questions))
    assert [row.outcome for row in matrix.rows] == ["errored", "passed"]
    assert matrix.rows[1].attempts == 1


async def test_an_unforeseen_error_is_a_row_and_loses_no_other() -> None:
    class Breaks:
        async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
            if check.name == "bad":
                raise ZeroDivisionError("hunter2")
            return passed("ok")

    questions = [question(any_check(name="bad")), question(any_check(name="good"))]
    matrix = await examiner(Breaks()).examine(asked(*questions))
    assert [row.outcome for row in matrix.rows] == ["errored", "passed"]
    assert "ZeroDivisionError" in matrix.rows[0].detail
    assert "hunter2" not in matrix.rows[0].detail


async def test_a_check_that_outstays_its_time_is_ended() -> None:
    class Stays:
        async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
            raise AssertionError

    row = await fill(Stays(), any_check(retries=0, timeout="2s"))
    assert row.outcome == "errored"
    assert row.detail == "tcp 127.0.0.1:1 was not over within 2 s"


async def test_secrets_are_opened_for_the_probe_and_hidden_in_all_that_is_said() -> None:
    def answer(asked_: Check) -> Finding:
        assert asked_.http is not None
        assert asked_.http.headers == {"authorization": "Bearer s3cret"}
        return Finding(failed("").outcome, "it echoes s3cret", "s3cret")

    secrets = PlainSecrets({"${env:KEY}": "s3cret"})
    http = {"url": "http://127.0.0.1:1/", "headers": {"authorization": "Bearer ${env:KEY}"}}
    row = await examiner(ScriptedProbe(answer), secrets=secrets).fill(
        question(check(http=http)), None
    )
    assert (row.detail, row.value) == ("it echoes ***", "***")


async def test_a_missing_secret_is_named_and_not_waited_for() -> None:
    probe = ScriptedProbe(passed("never asked"))
    row = await fill(probe, check(run=["login", "${env:NOWHERE}"]), within_s=60)
    assert (row.outcome, row.attempts) == ("errored", 1)
    assert "${env:NOWHERE}" in row.detail
    assert not probe.asked


async def test_a_version_that_was_read_is_the_rows_value() -> None:
    row = await fill(ScriptedProbe(passed("version is 2.4.1", "2.4.1")), any_check())
    assert row.value == "2.4.1"


async def test_a_matrix_that_is_cancelled_leaves_nothing_running() -> None:
    stopped = asyncio.Event()
    started = asyncio.Event()

    class Waits:
        async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
            raise AssertionError

    task = asyncio.create_task(examiner(Waits()).examine(asked(question())))
    await asyncio.wait_for(started.wait(), timeout=5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stopped.is_set()


async def test_a_service_that_is_just_starting_is_waited_for_on_a_real_server() -> None:
    tries = 0

    def starting(_: Asked) -> Reply:
        nonlocal tries
        tries += 1
        return Reply(503) if tries < 4 else Reply(200)

    async with http_server(starting) as server, client() as shared:
        real = Examiner({"http": HttpProbe(shared)}, PlainSecrets(), SystemPace(), LIMITS)
        ready = question(check(http={"url": server.url}, every="50ms"), category="readiness")
        matrix = await real.examine(asked(ready, kind="readiness", within_s=15))
    assert (matrix.outcome, matrix.rows[0].attempts) == ("passed", 4)


async def test_a_check_that_breaks_the_rules_of_every_kind_still_gives_a_row() -> None:
    """Names, ports, programs and answers of the worst sort, all kinds together."""
    bad = [
        check(http={"url": "http://"}, retries=0),
        check(http={"url": "http://a..b/"}, retries=0),
        check(http={"url": "http://127.0.0.1:1/\0"}, retries=0),
        check(http={"url": "http://127.0.0.1:1/", "headers": {"a b": "c"}}, retries=0),
        check(tcp={"host": "a" * 300, "port": 80}, retries=0),
        check(tcp={"host": "", "port": 1}, retries=0),
        check(tcp={"host": "a\0b", "port": 80}, retries=0),
        check(run=["/bin/echo", "a\0b"], retries=0),
        check(run=["echo"], env={"A=B": "c", "": "x"}, retries=0),
        check(run=["x" * 5000], retries=0),
        check(prometheus={"query": "up", "below": 1, "url": "http://[/"}, retries=0),
        check(github={"repository": "a/b", "ref": "v1", "url": "nonsense"}, retries=0),
        check(gitlab={"project": "a/b", "ref": "v1", "url": ""}, retries=0),
    ]
    async with client() as shared:
        real = Examiner(
            {
                "http": HttpProbe(shared),
                "tcp": TcpProbe(),
                "run": RunProbe(),
                "prometheus": PrometheusProbe(shared, None),
                "github": GithubProbe(shared),
                "gitlab": GitlabProbe(shared),
            },
            PlainSecrets(),
            SystemPace(),
            LIMITS,
        )
        matrix = await real.examine(asked(*map(question, bad)))
    for row in matrix.rows:
        assert row.outcome in ("errored", "failed"), row
        assert "broke inside" not in row.detail, row
