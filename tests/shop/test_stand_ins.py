import json
from collections.abc import Callable
from pathlib import Path

import pytest

from goaround_shop.ci import commit_of
from goaround_shop.http11 import listen, port_of
from tests.shop.live import CLIENT, finish, run, start

pytestmark = pytest.mark.system

Standing = Callable[..., str]


def test_the_board_keeps_each_notice_as_it_came(standing: Standing, tmp_path: Path) -> None:
    file = tmp_path / "notices.jsonl"
    url = standing("board", "--file", file)
    for text in ("started", "finished", "finished"):
        posted = CLIENT.post(f"{url}/chat", json={"text": text}, headers={"Idempotency-Key": text})
        assert posted.status_code == 202
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["notice"]["text"] for one in kept] == ["started", "finished", "finished"]
    assert [one["idempotency_key"] for one in kept] == ["started", "finished", "finished"]
    assert {one["path"] for one in kept} == {"/chat"}
    assert all(one["received_at"].endswith("+00:00") for one in kept)
    assert CLIENT.get(url).json()["notices"] == kept
    assert CLIENT.post(url, content=b"not json").status_code == 400


def test_a_board_that_fails_at_first_keeps_what_comes_after(
    standing: Standing, tmp_path: Path
) -> None:
    file = tmp_path / "notices.jsonl"
    url = standing("board", "--file", file, "--fail-first", 2)
    assert [CLIENT.post(url, json=number).status_code for number in range(3)] == [503, 503, 202]
    assert [json.loads(line)["notice"] for line in file.read_text().splitlines()] == [2]


def test_the_ci_server_knows_what_passed_what_failed_and_nothing_else(standing: Standing) -> None:
    url = standing("ci", "--passed", "1.0.0,1.1.0", "--failed", "1.2.0")
    runs = f"{url}/repos/acme/shop/actions/workflows/release.yml/runs"

    def asked(**query: str) -> list[str]:
        found = CLIENT.get(runs, params=query).json()
        assert found["total_count"] == len(found["workflow_runs"])
        return [one["conclusion"] for one in found["workflow_runs"]]

    assert asked(branch="v1.1.0") == asked(head_sha=commit_of("1.1.0")) == ["success"]
    assert asked(branch="v1.2.0") == ["failure"]
    assert asked(branch="v9.9.9") == []
    assert asked(branch="v1.1.0", head_sha=commit_of("1.0.0")) == []
    assert asked(branch="v1.2.0", status="success") == []
    assert asked() == ["success", "success", "failure"]


def test_the_ci_server_tells_check_runs_and_commits(standing: Standing) -> None:
    url = f"{standing('ci', '--passed', '1.0.0')}/repos/acme/shop/commits"
    commit = CLIENT.get(f"{url}/v1.0.0").json()["sha"]
    for ref in ("v1.0.0", "1.0.0", commit):
        [told] = CLIENT.get(f"{url}/{ref}/check-runs").json()["check_runs"]
        assert (told["head_sha"], told["conclusion"]) == (commit, "success")
    assert CLIENT.get(f"{url}/v9.9.9/check-runs").json() == {"total_count": 0, "check_runs": []}
    assert CLIENT.get(f"{url}/v9.9.9").status_code == 422
    assert CLIENT.get(f"{url}/v1.0.0/other/thing").status_code == 422


def test_traffic_to_nobody_counts_its_failures_and_ends_well() -> None:
    with listen("127.0.0.1", 0) as free:
        url = f"http://127.0.0.1:{port_of(free)}"
    met = json.loads(
        finish(start("traffic", "--url", url, "--rate", 50, "--seconds", 0.4, "--json"))
    )
    assert (met["sent"], met["answered"], met["unanswered"]) == (20, {}, {"ConnectError": 20})
    assert "no answer from" in (smoked := run("smoke", "--url", url)).stderr
    assert smoked.returncode == 2


def test_without_a_command_the_shop_lists_them() -> None:
    told = run()
    assert told.returncode == 2
    assert "no request lost" in told.stdout
