import asyncio

import pytest

from goaround_verifier.pace import Pace, SystemPace
from goaround_verifier.testing import JumpingPace


@pytest.fixture(params=[SystemPace, JumpingPace])
def pace(request: pytest.FixtureRequest) -> Pace:
    made: Pace = request.param()
    return made


async def test_a_sleep_takes_at_least_its_time(pace: Pace) -> None:
    before = pace.seconds()
    await pace.sleep(0.02)
    assert pace.seconds() - before >= 0.02


async def test_time_never_goes_back(pace: Pace) -> None:
    before = pace.seconds()
    await asyncio.gather(pace.sleep(0.02), pace.sleep(0.01))
    assert pace.seconds() >= before + 0.02


async def test_others_have_their_turn_while_one_sleeps(pace: Pace) -> None:
    order = list[str]()

    async def sleeper() -> None:
        await pace.sleep(0.01)
        order.append("slept")

    async def other() -> None:
        order.append("other")

    await asyncio.gather(sleeper(), other())
    assert order == ["other", "slept"]
