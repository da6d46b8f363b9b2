import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from goaround_shop.handover import READY, SERVE, SERVING, take
from goaround_shop.http11 import listen
from goaround_shop.instances import Instances
from goaround_shop.process import birth_of
from tests.shop.live import LiveShop, ends, finish, run, start, until

pytestmark = pytest.mark.system


def _by_hand(
    shop: LiveShop, version: str, listener: socket.socket
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a process as the release tool would, and stop where it waits for its go."""
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    fds = (listener.fileno(), theirs.fileno())
    words = ["--release", version, "--state", shop.state, "--log", shop.state / "shop.log"]
    words += ["--database", shop.database, "--die-with-pid", os.getpid()]
    words += ["--listen-fd", fds[0], "--control-fd", fds[1]]
    process = subprocess.Popen(
        [sys.executable, "-m", "goaround_shop", "serve", *map(str, words)], pass_fds=fds
    )
    theirs.close()
    assert ours.recv(len(READY)) == READY
    return process, ours


def _until_placed(log: Path, orders: int) -> None:
    until(lambda: log.read_text().count("order placed") > orders, f"{orders} orders placed")


def test_releases_under_traffic_lose_no_request(shop: LiveShop) -> None:
    shop.upgrade("1.1.0")
    shop.switch("1.0.0")
    customers = start("traffic", "--url", shop.url, "--rate", 150, "--json")
    log = shop.state / "shop.log"
    for turn, version in enumerate(("1.1.0", "1.0.0"), 1):
        _until_placed(log, 10 * turn)
        shop.switch(version)
        assert shop.get("/version").json() == {"version": version}
    customers.terminate()
    met = json.loads(finish(customers))
    assert met["unanswered"] == {}
    assert met["answered"].keys() == {"200", "201"}
    assert sum(met["answered"].values()) == met["sent"] > 100
    assert len(shop.pids()) == 1


def test_a_version_that_already_runs_is_left_alone(shop: LiveShop) -> None:
    shop.release("1.0.0")
    before = shop.pids()
    assert "already running" in shop.switch("1.0.0")
    assert shop.pids() == before


def test_a_new_process_nobody_wants_any_more_ends_without_having_served(shop: LiveShop) -> None:
    instances = Instances(shop.state)
    instances.create()
    with listen("127.0.0.1", 0) as listener:
        process, ours = _by_hand(shop, "1.0.0", listener)
    ours.close()  # as when the release tool is killed
    assert process.wait(20) == 1
    assert instances.alive() == []


def test_a_release_that_died_half_way_is_finished_by_the_next(shop: LiveShop) -> None:
    shop.release("1.0.0")
    [old] = shop.pids()
    with take(shop.state / "run", old) as listener:
        process, ours = _by_hand(shop, "1.1.0", listener)
    with ours:
        ours.sendall(SERVE)
        assert ours.recv(len(SERVING)) == SERVING
    assert sorted(shop.pids()) == sorted([old, process.pid])  # both serve, and the tool is gone
    assert "already running" in shop.release("1.1.0")
    assert shop.pids() == [process.pid]
    ends(old)
    run("down", "--state", shop.state)
    process.wait(20)


def test_a_version_that_does_not_start_leaves_the_old_one_serving(
    shop: LiveShop, tmp_path: Path
) -> None:
    shop.release("1.0.0")
    [old] = shop.pids()
    nowhere = tmp_path / "missing" / "shop.log"
    refused = run("release", "1.1.0", "--state", shop.state, "--log", nowhere)
    assert refused.returncode == 1
    assert "1.1.0 ended with code 1" in refused.stderr
    assert shop.pids() == [old]
    assert shop.get("/version").json() == {"version": "1.0.0"}
    shop.switch("1.1.0")  # and what was wrong is not kept


def test_a_process_that_was_killed_is_replaced_on_its_port(shop: LiveShop) -> None:
    shop.release("1.0.0")
    url, [old] = shop.url, shop.pids()
    os.kill(old, 9)
    ends(old)
    assert run("status", "--state", shop.state).stdout == "nothing runs\n"
    shop.switch("1.0.0")
    assert shop.url == url
    assert shop.get("/livez").status_code == 200


def test_another_process_with_the_number_of_a_dead_one_is_never_touched(shop: LiveShop) -> None:
    instances = Instances(shop.state)
    instances.create()
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = birth_of(bystander.pid)
    assert born is not None
    told = {"pid": bystander.pid, "born": "long ago", "version": "1.0.0", "port": 1}
    file = shop.state / "run" / f"{bystander.pid}.json"
    file.write_text(json.dumps({**told, "serving": True, "since_ns": 1}))
    assert run("down", "--state", shop.state).stdout == "nothing runs\n"
    assert born.is_alive()
    assert not file.exists()
    bystander.communicate()


def test_the_port_of_a_running_service_is_not_moved(shop: LiveShop) -> None:
    shop.release("1.0.0")
    refused = run("release", "1.1.0", "--state", shop.state, "--port", 1)
    assert refused.returncode == 1
    assert "cannot move it to 1: `stop` first" in refused.stderr


def test_a_port_somebody_else_has_is_named(shop: LiveShop) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        refused = run(
            *("release", "1.0.0", "--state", shop.state),
            *("--database", shop.database, "--port", port),
        )
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr


def test_a_release_nobody_made_is_refused_with_those_there_are(shop: LiveShop) -> None:
    refused = run("release", "9.9.9", "--state", shop.state)
    assert refused.returncode == 2
    assert "there are 1.0.0, 1.1.0, 1.2.0, 1.3.0, 1.4.0" in refused.stderr


@pytest.mark.parametrize("how", ["stop", "down"])
def test_stopped_it_leaves_nothing_behind(shop: LiveShop, how: str) -> None:
    shop.release("1.0.0")
    [pid] = shop.pids()
    assert run("status", "--state", shop.state).returncode == 0
    assert "1.0.0 ended" in run(how, "--state", shop.state).stdout
    assert birth_of(pid) is None
    assert list((shop.state / "run").iterdir()) == []
    assert run("status", "--state", shop.state).returncode == 3


def test_it_ends_with_the_process_it_was_tied_to(shop: LiveShop) -> None:
    owner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    shop.release("1.0.0", "--die-with-pid", owner.pid)
    [pid] = shop.pids()
    owner.communicate()
    ends(pid)
    assert list((shop.state / "run").iterdir()) == []
