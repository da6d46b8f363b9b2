"""Wrong usage, nothing to reach, guides checked on the spot: what needs no system."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from goaround.cli import main
from goaround.natsconf import variable_of
from goaround.place import root_of
from goaround.topology import users
from tests.cli.command import goaround, guide


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["deploy", "checkout"], "goaround deploy --help"),
        (["deploy", "checkout", "1", "--evn", "prod"], "--env"),
        (["wat"], "goaround --help"),
        (["wait", "r1", "--timeout", "soon"], "--timeout: 'soon' is not a length of time"),
        (["events", "--since", "yesterday"], "--since: 'yesterday' is not a length of time"),
        (["guide", "check"], "name files, or --service"),
        (["dead", "resend"], "--all"),
        (["deploy", "a", "1", "--env", "e", "--allow", "lossy"], "lossy needs --reason TEXT"),
        (["deploy", "a", "1", "--env", "e", "--allow", "all", "--reason", "x"], "'irreversible'"),
        (["guide", "dismiss", "c-1"], "--because"),
    ],
)
def test_wrong_usage_is_told_in_one_line_with_the_next_step(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_help_names_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for code in ("0 succeeded", "10 rolled_back", "11 rollback_failed", "12 rejected"):
        assert code in said


def test_where_no_system_runs_the_way_to_one_is_said_and_the_code_is_3(tmp_path: Path) -> None:
    done = goaround("runs", cwd=tmp_path)
    assert done.returncode == 3
    assert "goaround up" in done.stderr
    assert "GOAROUND_URL" in done.stderr


def test_a_bus_that_does_not_answer_is_named_and_its_password_is_not(tmp_path: Path) -> None:
    done = goaround("runs", "--url", "nats://ada:secret@127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 3
    assert "127.0.0.1:1" in done.stderr
    assert "secret" not in done.stderr


def test_the_nearest_folder_upwards_is_the_local_systems(tmp_path: Path) -> None:
    (tmp_path / ".goaround").mkdir()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    done = goaround("status", "--json", cwd=below)
    assert json.loads(done.stdout)["root"] == str((tmp_path / ".goaround").resolve())
    assert done.returncode == 1
    assert root_of(tmp_path / "named") == (tmp_path / "named").resolve()


def test_a_sound_guide_is_called_sound_and_a_typo_has_its_place_and_the_nearest_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "pay.yaml", tmp_path / "typo.yaml"
    good.write_text(guide("pay"))
    bad.write_text(guide("typo").replace("  liveness:", "  livenes:"))
    assert main(["guide", "check", str(good)]) == 0
    assert f"{good}: sound, sha256:" in capsys.readouterr().out
    assert main(["guide", "check", str(good), str(bad)]) == 1
    said = capsys.readouterr().out
    assert f"{bad}:8:3:" in said
    assert "liveness" in said


def test_a_folder_of_guides_is_checked_whole_and_a_missing_file_is_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("pay", "mail"):
        (tmp_path / f"{name}.yaml").write_text(guide(name))
    assert main(["guide", "check", str(tmp_path), "--json"]) == 0
    assert [g["ok"] for g in json.loads(capsys.readouterr().out)] == [True, True]
    assert main(["guide", "check", str(tmp_path / "none.yaml")]) == 1
    assert "cannot be read: No such file" in capsys.readouterr().out


def test_the_guides_schema_is_json_that_an_editor_can_load(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["guide", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert "preflight" in schema["properties"]


def test_every_user_of_the_bus_has_a_variable_for_its_password_and_no_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["users", "--nats-conf"]) == 0
    text = capsys.readouterr().out
    for user in users():
        assert f'"password": ${variable_of(user.name)},' in text


def test_the_command_line_starts_without_the_judge_and_without_the_bus() -> None:
    heavy = ("numpy", "goaround_judge", "nats", "goaround.report", "ruamel")
    code = (
        f"import sys, goaround.cli.app; print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"
