import json

import pytest

from tests.shop.live import LiveShop, finish, run, start

pytestmark = pytest.mark.system


def _counted(shop: LiveShop, **labels: str) -> float:
    """The requests counted with these labels, as /metrics tells it."""
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    return sum(
        float(line.rpartition(" ")[2])
        for line in shop.get("/metrics").text.splitlines()
        if line.startswith("http_requests_total{") and all(label in line for label in wanted)
    )


def _statuses(shop: LiveShop) -> dict[str, int]:
    paths = ("/livez", "/readyz", "/healthz/dependencies", "/version", "/orders")
    return {path: shop.get(path).status_code for path in paths}


def _all_well(shop: LiveShop) -> bool:
    return set(_statuses(shop).values()) == {200}


def test_the_first_release_runs_and_the_upgrade_uses_its_migration(shop: LiveShop) -> None:
    shop.release("1.0.0")
    assert _all_well(shop)
    assert shop.smoke().endswith("total 500")
    ten = {"item": "apple", "quantity": 10, "unit_cents": 100}
    assert shop.ask("POST", "/orders", json=ten).json()["total_cents"] == 1000
    shop.upgrade("1.1.0")
    assert _all_well(shop)  # the old code on the new schema
    shop.switch("1.1.0")
    assert shop.get("/version").json() == {"version": "1.1.0"}
    assert _all_well(shop)
    assert shop.smoke().endswith("total 500")
    assert shop.ask("POST", "/orders", json=ten).json()["total_cents"] == 900
    assert 'shop_build_info{version="1.1.0"} 1.0' in shop.get("/metrics").text


def test_a_release_is_not_ready_on_a_schema_that_lacks_what_it_needs(shop: LiveShop) -> None:
    shop.upgrade("1.0.0")
    shop.switch("1.1.0")
    assert _statuses(shop)["/livez"] == 200
    refused = shop.get("/readyz")
    assert refused.status_code == 503
    assert 'column "discount_cents" does not exist' in refused.json()["reason"]
    shop.upgrade("1.1.0")
    assert shop.get("/readyz").status_code == 200


def test_without_its_database_it_is_alive_and_says_that_it_is_not_ready(shop: LiveShop) -> None:
    shop.database = "postgresql://nobody@127.0.0.1:1/none"
    shop.switch("1.0.0")
    told = _statuses(shop)
    assert (told["/livez"], told["/version"]) == (200, 200)
    assert (told["/readyz"], told["/healthz/dependencies"], told["/orders"]) == (503, 503, 503)


def test_the_wrong_total_passes_every_probe_and_fails_the_smoke_test(shop: LiveShop) -> None:
    shop.release("1.2.0")
    assert _all_well(shop)
    smoked = run("smoke", "--url", shop.url)
    assert smoked.returncode == 1
    assert "answered a total of 250; 2 at 250 make 500" in smoked.stderr
    assert "order answered with 250, stored with 500" in shop.log()


def test_the_degrader_is_well_at_first_and_fails_under_traffic_alone(shop: LiveShop) -> None:
    shop.release("1.3.0", "--degrade-after", "0")
    assert _all_well(shop)
    assert shop.smoke().endswith("total 500")
    words = ("traffic", "--url", shop.url, "--rate", 150, "--seconds", 0.8, "--json")
    met = json.loads(finish(start(*words)))
    assert met["unanswered"] == {}
    assert met["answered"]["500"] > 10
    assert met["p95_ms"] > 250
    assert _counted(shop, code="500") == met["answered"]["500"]
    # Readiness and liveness go on telling nothing.
    assert [_statuses(shop)[path] for path in ("/livez", "/readyz")] == [200, 200]
    failed = [line for line in map(json.loads, shop.log().splitlines()) if line["level"] == "ERROR"]
    assert failed[0]["version"] == "1.3.0"
    assert "NoFreeConnection: no free connection" in failed[0]["traceback"]


def test_the_degrader_is_well_before_its_onset_under_any_traffic(shop: LiveShop) -> None:
    shop.release("1.3.0", "--degrade-after", "600")
    words = ("traffic", "--url", shop.url, "--rate", 100, "--seconds", 0.4, "--json")
    assert json.loads(finish(start(*words)))["answered"].keys() == {"200", "201"}


def test_the_worst_release_cannot_take_an_order_nor_be_taken_back(shop: LiveShop) -> None:
    shop.release("1.1.0")
    shop.release("1.4.0")
    assert _all_well(shop)
    assert shop.smoke().startswith("failed: POST /orders answered 500")
    assert "UndefinedColumnError" in shop.log()
    assert shop.migrate("downgrade", "0002").returncode == 1
    # And the version before cannot work on what is left of the schema.
    shop.switch("1.1.0")
    assert 'column "note" does not exist' in shop.get("/readyz").json()["reason"]


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (b"not json", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"item": "x"}', "'quantity' must be"),
        (b'{"item": "x", "quantity": true, "unit_cents": 1}', "'quantity' must be"),
        (b'{"item": "x", "quantity": 0, "unit_cents": 1}', "'quantity' must be"),
        (b'{"item": "x", "quantity": 1, "unit_cents": 9e99}', "'unit_cents' must be"),
        (b'{"item": "x\\u0000", "quantity": 1, "unit_cents": 1}', "'item' must be"),
        (b'{"item": "\\ud800", "quantity": 1, "unit_cents": 1}', "'item' must be"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_and_is_no_error_of_ours(
    malformed_shop: LiveShop, wish: bytes, why: str
) -> None:
    refused = malformed_shop.ask("POST", "/orders", content=wish)
    assert refused.status_code == 400
    assert why in refused.json()["error"]
    assert _counted(malformed_shop, path="/orders", code="500") == 0


def test_strange_requests_are_refused_and_do_not_grow_the_metrics(shop: LiveShop) -> None:
    shop.release("1.0.0")
    lines = len(shop.get("/metrics").text.splitlines())
    for number in range(30):
        assert shop.get(f"/nowhere/{number}").status_code == 404
        assert shop.ask(f"VERB{number}", "/orders").status_code == 405
        assert shop.get(f"/orders/{10**number}0x").status_code == 404
    series = [line for line in shop.get("/metrics").text.splitlines() if "_total{" in line]
    assert len(series) < 15
    assert len(shop.get("/metrics").text.splitlines()) < lines * 4
