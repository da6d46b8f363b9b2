import pytest
from pydantic import ValidationError

from goaround_verifier.settings import Settings


def test_every_setting_has_a_default_that_works() -> None:
    assert Settings().prometheus_url is None


@pytest.mark.parametrize(
    "bad",
    [
        {"max_parallel": 0},
        {"longest_s": -1},
        {"longest_s": 1e9},
        {"concurrency": 0},
        {"ca_file": "/no/such/file"},
    ],
)
def test_bad_settings_stop_the_start(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(bad)
