"""`goaround guide corrections|accept|dismiss`: shown, carried out exactly or not at all."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from textwrap import dedent

import pytest

from goaround import upfile
from goaround.correcting import Branch, NotCommitted, NotWritten, guide_file
from goaround.embedded import EmbeddedNats
from goaround.topology import users
from goaround_guidebook import correct
from goaround_schemas.outcome import GuideCorrection
from tests import builders
from tests.cli.bureau import Bureau, answering
from tests.cli.conftest import Command

GUIDE = dedent("""\
    # How checkout goes out.
    guide: goaround/v1
    service: checkout
    environments: {prod: {}}
    deploy:
      steps:
        - name: switch
          run: [./release, "{version}"]
          timeout: 10s      # it took 4 s when this was written
      ready:
        checks:
          - {name: ready, http: {url: "http://localhost/readyz"}}
        within: 20s
    verify:
      liveness:
        - {name: alive, http: {url: "http://localhost/livez"}}
    watch: {period: 0s}
    rollback:
      steps:
        - name: back
          run: [./release, "{previous.version}"]
          idempotent: true
          timeout: 10s
    """)
WIDER = GUIDE.replace("timeout: 10s      #", "timeout: 30s      #")
PATH = ("deploy", "steps", 0, "timeout")
Git = Callable[..., str]


def correction(id_: str = "c-1", text: str = GUIDE, **changes: object) -> GuideCorrection:
    """The step's time as it should be, as a diff of this text."""
    diff = correct(text, PATH, "30s", "checkout.yaml").diff
    said = {"id": id_, "field": "deploy.steps[0].timeout", "was": "10s", "proposed": "30s"}
    usual = {**said, "diff": diff, "evidence": "it took 9.4 s of 10 s", "effect": "none is cut off"}
    return builders.correction(**{**usual, **changes})


@pytest.fixture
def bureau() -> Bureau:
    return Bureau()


@pytest.fixture
def url(bureau: Bureau, fresh_nats_url: str) -> Iterator[tuple[str, str]]:
    with answering(bureau, fresh_nats_url):
        yield ("--url", fresh_nats_url)


@pytest.fixture
def guides(tmp_path: Path) -> Path:
    """A folder with the guide in it."""
    (tmp_path / "checkout.yaml").write_text(GUIDE)
    return tmp_path


@pytest.fixture
def git(guides: Path) -> Git:
    """Run git in the folder of the guides, which is a checkout with one commit."""
    if shutil.which("git") is None:
        pytest.skip("there is no git on the path")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def run(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=guides, env=clean | own, capture_output=True, check=True
        )
        return done.stdout.decode()

    run("init", "-q", "-b", "main")
    run("config", "user.name", "Ada")
    run("config", "user.email", "ada@example.org")
    run("add", ".")
    run("commit", "-q", "-m", "The guide")
    return run


def accept(
    command: Command, guides: Path, url: tuple[str, str], *more: str
) -> subprocess.CompletedProcess[str]:
    return command("guide", "accept", "c-1", "--guides", str(guides), "--by", "eve", *more, *url)


def test_corrections_are_shown_with_evidence_effect_and_diff(
    command: Command, bureau: Bureau, url: tuple[str, str]
) -> None:
    bureau.propose(correction())
    bureau.propose(correction(evidence="it took 9.6 s of 10 s"), run_id="r-2")
    done = command("guide", "corrections", *url)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    what = "deploy.steps[0].timeout: 10s -> 30s"
    assert lines[0] == f"c-1  checkout (checkout.yaml), {what}"
    assert lines[1:3] == ["  it took 9.6 s of 10 s", "  none is cut off"]
    assert lines[3].startswith("  proposed by 2 runs, last by r-2 in prod, ")
    assert "  -      timeout: 10s      # it took 4 s when this was written" in lines
    assert "  +      timeout: 30s      # it took 4 s when this was written" in lines
    assert "goaround guide accept c-1; if not: goaround guide dismiss c-1 --because" in lines[-2]


def test_corrections_are_listed_by_service_and_by_what_was_said_to_them(
    command: Command, bureau: Bureau, url: tuple[str, str]
) -> None:
    bureau.propose(correction())
    bureau.propose(correction("c-2"), service="basket")
    done = command("guide", "dismiss", "c-1", "--because", "the disk was slow", "--by", "eve", *url)
    assert (done.returncode, done.stdout) == (0, "correction c-1 is dismissed\n")

    def ids(*words: str) -> list[str]:
        rows = json.loads(command("guide", "corrections", *words, "--json", *url).stdout)
        return [row["correction"]["id"] for row in rows]

    assert ids() == ["c-2"]
    assert sorted(ids("--state", "all")) == ["c-1", "c-2"]
    assert ids("--state", "dismissed") == ["c-1"]
    assert ids("--service", "checkout") == []
    shown = command("guide", "corrections", "--state", "dismissed", *url).stdout
    assert "dismissed by eve" in shown
    assert "the disk was slow" in shown
    assert "goaround guide accept" not in shown
    nothing = command("guide", "corrections", "--state", "accepted", *url)
    assert nothing.stderr == "no corrections like that\n"


def test_accepted_the_guides_file_says_it_and_every_other_byte_is_as_it_was(
    command: Command, bureau: Bureau, guides: Path, url: tuple[str, str]
) -> None:
    bureau.propose(correction())
    file = guides / "checkout.yaml"
    file.chmod(0o640)
    done = accept(command, guides, url, "--because", "true")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"correction c-1 is accepted\n{file} is corrected\n"
    assert file.read_text() == WIDER
    assert file.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in guides.iterdir()] == ["checkout.yaml"]
    row = bureau.correction("c-1")
    assert (row.state, row.actor, row.because) == ("accepted", "eve", "true")


def test_without_a_folder_named_it_is_the_local_systems_guides_or_this_folder(
    command: Command, bureau: Bureau, guides: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = tmp_path_factory.mktemp("here")
    root = here / ".goaround"
    with EmbeddedNats(root / "nats", users=users(), sync="2m", die_with_parent=True) as nats:
        name, password = nats.credentials("orchestrator")
        own = nats.url.replace("nats://", f"nats://{name}:{password}@")
        with answering(bureau, own), contextlib.chdir(here):
            bureau.propose(correction())
            elsewhere = command("guide", "accept", "c-1")
            assert (elsewhere.returncode, str(here) in elsewhere.stderr) == (1, True)
            upfile.write(root, upfile.Up(1, str(guides), str(here)))
            done = command("guide", "accept", "c-1")
    assert done.returncode == 0, done.stderr
    assert (guides / "checkout.yaml").read_text() == WIDER


def test_carriage_returns_stay_and_so_does_a_link_to_the_file(
    command: Command, bureau: Bureau, tmp_path: Path, url: tuple[str, str]
) -> None:
    text = GUIDE.replace("\n", "\r\n")
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "checkout.txt"
    real.write_bytes(text.encode())
    (tmp_path / "guides").mkdir()
    link = tmp_path / "guides" / "checkout.yaml"
    link.symlink_to(real)
    bureau.propose(correction(text=text))
    assert accept(command, tmp_path / "guides", url).returncode == 0
    assert link.is_symlink()
    assert real.read_bytes() == WIDER.replace("\n", "\r\n").encode()


def test_accepted_twice_it_is_done_once(
    command: Command, bureau: Bureau, guides: Path, url: tuple[str, str]
) -> None:
    bureau.propose(correction())
    assert accept(command, guides, url).returncode == 0
    again = accept(command, guides, url)
    assert (again.returncode, "says so already" in again.stdout) == (0, True)
    assert (guides / "checkout.yaml").read_text() == WIDER


def test_a_guide_that_was_moved_on_elsewhere_is_corrected_at_the_right_place(
    command: Command, bureau: Bureau, guides: Path, url: tuple[str, str]
) -> None:
    bureau.propose(correction())
    longer = "# One more line.\n# And another.\n"
    (guides / "checkout.yaml").write_text(longer + GUIDE)
    assert accept(command, guides, url).returncode == 0
    assert (guides / "checkout.yaml").read_text() == longer + WIDER


def twice() -> str:
    """The guide with two steps more, around whose times the very same lines stand."""
    lines = ('run: ["true"]', "dir: .", "idempotent: true", "timeout: 10s")
    more = ("retries: 1", "env: {A: b}", "only: []")
    steps = "".join(
        f"    - name: {name}\n" + "".join(f"      {line}\n" for line in (*lines, *more))
        for name in ("one", "two")
    )
    return GUIDE.replace("  ready:\n", f"{steps}  ready:\n")


@pytest.mark.parametrize("unchanged", [True, False])
def test_of_two_places_that_look_alike_the_right_one_is_known_in_an_unchanged_guide_alone(
    command: Command, bureau: Bureau, guides: Path, url: tuple[str, str], unchanged: bool
) -> None:
    text = twice()
    right = correct(text, ("deploy", "steps", 2, "timeout"), "30s", "checkout.yaml")
    bureau.propose(correction(diff=right.diff))
    bureau.ran("r-1", "sha256:" + sha256(text.encode()).hexdigest())
    before = text if unchanged else f"{text}# one line more\n"
    (guides / "checkout.yaml").write_text(before)
    done = accept(command, guides, url)
    if unchanged:
        assert done.returncode == 0, done.stderr
        assert (guides / "checkout.yaml").read_text() == right.text
    else:
        assert done.returncode == 1
        assert "more than one place looks like the one that is meant (lines 11, 19)" in done.stderr
        assert (guides / "checkout.yaml").read_text() == before


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (GUIDE.replace("timeout: 10s      #", "timeout: 12s      #"), "there was 'timeout: 10s"),
        (GUIDE.replace("name: switch", "name: switch over"), "there was 'timeout: 10s"),
        (GUIDE.replace("service: checkout", "service: basket"), "no guide for 'checkout'"),
        (GUIDE.replace("watch:", "wach:"), "mend that first"),
        (GUIDE.replace("within: 20s", "within: soon"), "mend that first"),
    ],
    ids=["corrected otherwise", "near it", "another's", "a typo", "no time"],
)
def test_where_it_does_not_fit_nothing_is_changed_and_it_stays_open(
    command: Command, bureau: Bureau, guides: Path, url: tuple[str, str], now: str, why: str
) -> None:
    bureau.propose(correction())
    (guides / "checkout.yaml").write_text(now)
    done = accept(command, guides, url)
    assert (done.returncode, done.stdout) == (1, "")
    assert why in done.stderr
    assert (guides / "checkout.yaml").read_text() == now
    assert bureau.correction("c-1").state == "open"


def test_what_would_be_no_sound_guide_is_not_written(
    command: Command, bureau: Bureau, guides: Path, url: tuple[str, str]
) -> None:
    bureau.propose(correction(diff=correction().diff.replace("+      timeout", "+      timeuot")))
    done = accept(command, guides, url)
    assert done.returncode == 1
    assert "corrected, it would be no sound guide" in done.stderr
    assert "timeuot" in done.stderr
    assert (guides / "checkout.yaml").read_text() == GUIDE
    assert bureau.correction("c-1").state == "open"


def test_a_folder_that_cannot_be_written_is_said_to_be_so(
    command: Command, bureau: Bureau, guides: Path, url: tuple[str, str]
) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    bureau.propose(correction())
    guides.chmod(0o555)
    try:
        done = accept(command, guides, url)
    finally:
        guides.chmod(0o755)
    assert (done.returncode, "cannot be written" in done.stderr) == (1, True)
    assert bureau.correction("c-1").state == "open"


def test_one_without_a_diff_is_only_put_on_record(
    command: Command, bureau: Bureau, guides: Path, url: tuple[str, str]
) -> None:
    bureau.propose(correction(diff=""))
    assert "no diff: this one is for a person" in command("guide", "corrections", *url).stdout
    done = accept(command, guides, url)
    assert done.returncode == 0
    assert "it has no diff: that is on record, and the guide is yours to change" in done.stdout
    assert (guides / "checkout.yaml").read_text() == GUIDE
    assert bureau.correction("c-1").state == "accepted"


def test_what_was_dismissed_or_is_not_known_is_not_carried_out(
    command: Command, bureau: Bureau, guides: Path, url: tuple[str, str]
) -> None:
    unknown = accept(command, guides, url)
    assert (unknown.returncode, "no correction has the id 'c-1'" in unknown.stderr) == (1, True)
    bureau.propose(correction())
    assert command("guide", "dismiss", "c-1", "--because", "no", "--by", "bob", *url)
    done = accept(command, guides, url)
    assert done.returncode == 1
    assert "correction c-1 was dismissed by bob: no" in done.stderr
    assert (guides / "checkout.yaml").read_text() == GUIDE


def test_what_was_accepted_cannot_be_dismissed(
    command: Command, bureau: Bureau, guides: Path, url: tuple[str, str]
) -> None:
    bureau.propose(correction())
    assert accept(command, guides, url).returncode == 0
    done = command("guide", "dismiss", "c-1", "--because", "no", *url)
    assert done.returncode == 1
    assert "correction c-1 was accepted by eve" in done.stderr


def test_on_a_branch_it_is_a_commit_and_the_working_tree_is_not_touched(
    command: Command, bureau: Bureau, guides: Path, git: Git, url: tuple[str, str]
) -> None:
    bureau.propose(correction())
    (guides / "staged.txt").write_text("staged")
    git("add", "staged.txt")
    (guides / "checkout.yaml").write_text(GUIDE + "# being edited\n")
    before = git("status", "--porcelain")
    done = accept(command, guides, url, "--branch", "corrections", "--because", "true", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["branch"], said["path"]) == ("corrections", "checkout.yaml")
    assert git("rev-parse", "corrections").strip() == said["commit"]
    assert git("show", "corrections:checkout.yaml") == WIDER
    assert git("diff", "--name-only", "main", "corrections") == "checkout.yaml\n"
    assert git("log", "-1", "--format=%an: %s", "corrections") == (
        "Ada: checkout: deploy.steps[0].timeout 30s\n"
    )
    body = git("log", "-1", "--format=%b", "corrections")
    assert "It was 10s. it took 9.4 s of 10 s" in body
    assert git("log", "-1", "--format=%(trailers:key=Correction)", "corrections").strip() == (
        "Correction: c-1"
    )
    assert git("status", "--porcelain") == before
    assert git("symbolic-ref", "HEAD") == "refs/heads/main\n"
    assert bureau.correction("c-1").state == "accepted"


def test_a_branch_that_is_there_is_gone_on_with_and_done_is_done(
    command: Command, bureau: Bureau, guides: Path, git: Git, url: tuple[str, str]
) -> None:
    later = correct(WIDER, ("deploy", "ready", "within"), "40s", "checkout.yaml")
    bureau.propose(correction(), correction("c-2", field="deploy.ready.within", diff=later.diff))
    first = accept(command, guides, url, "--branch", "corrections")
    assert "has no remote to push it to" in first.stdout
    git("remote", "add", "upstream", "git@example.org:guides.git")
    words = ("guide", "accept", "c-2", "--guides", str(guides), "--branch", "corrections")
    done = command(*words, *url)
    assert done.returncode == 0, done.stderr
    assert f"to push it: git -C {guides} push upstream corrections" in done.stdout
    assert git("show", "corrections:checkout.yaml") == later.text
    assert git("rev-list", "--count", "main..corrections") == "2\n"
    again = accept(command, guides, url, "--branch", "corrections")
    assert "checkout.yaml on branch corrections says so already" in again.stdout
    assert git("rev-list", "--count", "main..corrections") == "2\n"
    assert (guides / "checkout.yaml").read_text() == GUIDE


@pytest.mark.parametrize(
    ("branch", "why"),
    [
        ("main", "branch main is checked out"),
        ("a..b", "no branch can be named 'a..b'"),
        ("-d", "no branch can be named '-d'"),
        ("old", "is not in branch old"),
    ],
)
def test_a_branch_that_cannot_take_it_is_left_as_it_is(
    command: Command,
    bureau: Bureau,
    guides: Path,
    git: Git,
    url: tuple[str, str],
    branch: str,
    why: str,
) -> None:
    empty = git("commit-tree", git("mktree", "--missing").strip(), "-m", "Nothing").strip()
    git("branch", "old", empty)
    refs = git("for-each-ref")
    bureau.propose(correction())
    done = accept(command, guides, url, f"--branch={branch}")
    assert (done.returncode, done.stdout) == (1, "")
    assert why in done.stderr
    assert git("for-each-ref") == refs
    assert bureau.correction("c-1").state == "open"


def test_a_branch_that_somebody_moves_meanwhile_is_not_moved_back(guides: Path, git: Git) -> None:
    git("branch", "corrections")
    seen = Branch.of(guides / "checkout.yaml", "corrections")
    other = git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "Something else").strip()
    git("update-ref", "refs/heads/corrections", other)
    with pytest.raises(NotCommitted, match="branch corrections was not moved: fatal"):
        seen.commit(WIDER, "Correct the guide")
    assert git("rev-parse", "corrections").strip() == other


def test_without_a_name_for_commits_git_says_so_and_no_branch_is_made(
    command: Command,
    bureau: Bureau,
    guides: Path,
    git: Git,
    url: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("name", "email"):
        git("config", "--unset", f"user.{name}")
        monkeypatch.delenv(f"GIT_AUTHOR_{name.upper()}", raising=False)
        monkeypatch.delenv(f"GIT_COMMITTER_{name.upper()}", raising=False)
    git("config", "user.useConfigOnly", "true")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    bureau.propose(correction())
    done = accept(command, guides, url, "--branch", "corrections")
    assert (done.returncode, done.stdout) == (1, "")
    assert "git commit-tree: fatal: no email was given" in done.stderr
    assert git("branch", "--list", "corrections") == ""
    assert bureau.correction("c-1").state == "open"


def test_a_file_that_changes_while_it_is_corrected_stays_as_it_became(guides: Path) -> None:
    file = guide_file(guides, "checkout")
    (guides / "checkout.yaml").write_text(f"{GUIDE}# just now\n")
    with pytest.raises(NotWritten, match="has changed just now; nothing is written"):
        file.write(WIDER)
    assert (guides / "checkout.yaml").read_text() == f"{GUIDE}# just now\n"
    assert [p.name for p in guides.iterdir()] == ["checkout.yaml"]


def test_where_there_is_no_checkout_it_says_so(
    command: Command, bureau: Bureau, guides: Path, url: tuple[str, str]
) -> None:
    bureau.propose(correction())
    done = accept(command, guides, url, "--branch", "corrections")
    why = "not a git repository" if shutil.which("git") else "there is no git on the path"
    assert (done.returncode, why in done.stderr) == (1, True)
    assert bureau.correction("c-1").state == "open"
