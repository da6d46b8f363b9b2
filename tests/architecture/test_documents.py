"""What the documents say of the code is what the code says."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo
from typer.testing import CliRunner

from goaround.cli.app import app
from goaround.local import SERVICES
from goaround.topology import KEEPS, SAYS, TAKES, topology
from goaround_chassis.settings import PREFIX, ServiceSettings
from goaround_guidebook import read
from goaround_orchestrator.lifecycle import LEGAL
from goaround_schemas.phase import ENDS
from goaround_schemas.subjects import name_of
from tests.architecture.workspace import ROOT
from tests.docker.test_compose import settings_of

README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()


def _documents() -> list[Path]:
    tops = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [*tops, *sorted((ROOT / "docs").rglob("*.md"))]


def _rows(text: str, title: str) -> list[list[str]]:
    """The cells of the first table under a heading."""
    part = re.split(rf"^#+ {re.escape(title)}$", text, flags=re.MULTILINE)[1]
    table = re.search(r"(?:^\|.*\n)+", part, re.MULTILINE)
    assert table, f"no table under {title}"
    rows = [line.strip("|").split("|") for line in table[0].splitlines()]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def _shown(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    match field.get_default():
        case None | ():
            return ""
        case tuple():
            pauses: tuple[float, ...] = field.get_default()
            return f"`[{', '.join(f'{pause:g}' for pause in pauses)}]`"
        case float() as number:
            return f"`{number:g}`"
        case other:
            return f"`{other}`"


@pytest.mark.parametrize("service", SERVICES)
def test_the_settings_are_told_with_their_defaults(service: str) -> None:
    common = {name: _shown(f) for name, f in ServiceSettings.model_fields.items()}
    told = {row[0]: row[1] for row in _rows(OPERATIONS, "Every service")}
    assert told == {f"`{PREFIX}{name.upper()}`": shown for name, shown in common.items()}
    own = {name: _shown(f) for name, f in settings_of(service).model_fields.items()}
    told = {row[0]: row[1] for row in _rows(OPERATIONS, service)}
    assert told == {
        f"`{PREFIX}{name.upper()}`": shown
        for name, shown in own.items()
        if common.get(name) != shown
    }


def test_who_says_what_is_told_as_the_topology_has_it() -> None:
    rows = {row[0]: row[1:] for row in _rows(ARCHITECTURE, "Who says what to whom")}
    assert set(rows) == {"orchestrator", *TAKES}
    for service, kinds in TAKES.items():
        takes, says, keeps = (set(re.findall(r"`([^`]+)`", cell)) for cell in rows[service])
        assert takes == {name_of(k) for k in kinds}
        assert says == {name_of(k) for k in SAYS[service]}
        assert keeps == set(KEEPS.get(service, ()))


def test_the_streams_are_told_as_the_topology_has_them() -> None:
    rows = {row[0]: row[1] for row in _rows(ARCHITECTURE, "Streams")}
    assert set(rows) == {s.name for s in topology().streams}
    for stream in topology().streams:
        assert all(f"`{subject}`" in rows[stream.name] for subject in stream.subjects)


def test_every_metric_and_alert_that_we_have_is_told() -> None:
    dashboard = (ROOT / "deploy/grafana/dashboards/goaround.json").read_text()
    counted = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for name in re.findall(r"\bgoaround_[a-z_]+", dashboard)
    }
    told = {n for row in _rows(OPERATIONS, "Metrics") for n in re.findall(r"goaround_\w+", row[0])}
    assert told == counted
    alerts = re.findall(r"alert: (\w+)", (ROOT / "deploy/prometheus/alerts.yml").read_text())
    after = OPERATIONS.partition("## Metrics")[2].partition("## Logs")[0]
    assert [alert for alert in alerts if not re.search(rf"\b{alert}\b", after)] == []


def test_the_readme_names_every_outcome() -> None:
    outcomes = README.partition("## Read outcomes")[2].partition("## ")[0]
    assert not [end for end in ENDS if end not in outcomes]
    assert not ENDS & {phase for phase, moves in LEGAL.items() if moves}


def test_the_guide_in_the_readme_is_a_sound_one() -> None:
    fenced = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert fenced
    assert read(fenced[1], "README.md").service == "checkout"


@pytest.mark.parametrize("document", _documents(), ids=lambda p: p.name)
def test_a_document_links_to_what_is_there(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())
    missing = [t for t in targets if "://" not in t and not (document.parent / t).exists()]
    assert not missing


@pytest.mark.parametrize("document", _documents(), ids=lambda p: p.name)
def test_a_document_names_targets_that_make_has(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        word
        for words in re.findall(r"`make ((?:[a-z]+ ?)+)`|^    make ([a-z]+)", document.read_text())
        for part in words
        for word in part.split()
    }
    assert named <= targets


def _commands() -> Iterator[str]:
    for document in _documents():
        yield from re.findall(
            r"(?:`|^    |--rm )(?:goaround|cli) ((?:[a-z]+ ?)+)", document.read_text(), re.MULTILINE
        )


def test_the_documents_name_commands_that_there_are() -> None:
    known = CliRunner()
    named = {
        " ".join(words.split()[: 2 if words.split()[0] in GROUPS else 1]) for words in _commands()
    }
    assert len(named) > 5
    unknown = [n for n in sorted(named) if known.invoke(app, [*n.split(), "--help"]).exit_code]
    assert not unknown


GROUPS = ("guide", "dead")


def test_the_program_of_ci_is_sound_and_runs_what_the_readme_promises() -> None:
    program = ROOT / ".ci/run"
    assert program.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", str(program)], check=False).returncode == 0
    assert re.findall(r"^step ([\w-]+)", program.read_text(), re.MULTILINE) == [
        "check",
        "test",
        "simulate",
        "demo",
        "chaos-short",
    ]
