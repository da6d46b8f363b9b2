"""Files that were written, committed where they lie in a git checkout.

It commits exactly these files, on the branch that is checked out, and never pushes, switches,
merges or stages anything else. Whatever keeps it from that is told in words, and nothing of it is
an error: the files are written, and the next run's commit takes them along.
"""

import os
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from goaround_scribe.commit import Message
from goaround_scribe.disk import locked
from goaround_scribe.git import Answer, Git, GitHung, NoGit
from goaround_scribe.hidden import masked
from goaround_scribe.markdown import plain
from goaround_scribe.page import NotWritten

DEEPEST = 1000  # commits that are looked through for a run: a command is repeated within the hour
_LITERAL = "--literal-pathspecs"
_LOCKED = ".lock': File exists"
_LOCKED_SHARE = 0.3  # of the time, for another git's lock to go
_LOOK_S = 0.05
_AFTER_S = 2.0  # to clear away after git had to be ended
_LONGEST = 300  # characters of what git or a hook said
_LATER = "not committed: it came after the run's commit; the next run's takes it along"
_UNDER_WAY = (
    ("MERGE_HEAD", "a merge"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    ("BISECT_LOG", "a bisection"),
)


class NotCommitted(Exception):
    """Why a checkout took no commit, and what to do."""


class GitCommits:
    """Commits by the machine's own git. Nothing takes longer than `within_s` for one run."""

    def __init__(
        self, place: Callable[[str], Path], name: str, email: str, within_s: float
    ) -> None:
        self._place = place
        self._author = {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": email,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": email,
        }
        self._within_s = within_s

    def commit(self, names: Iterable[str], message: Message) -> dict[str, str]:
        """Commit the files that lie in a checkout, and return a word on each of those."""
        until = time.monotonic() + self._within_s
        checkouts: dict[Path, dict[str, Path]] = {}
        for name in names:
            try:
                path = self._place(name)
            except NotWritten:
                continue
            if (folder := _checkout_of(path)) is not None:
                checkouts.setdefault(folder, {})[name] = path
        told: dict[str, str] = {}
        for folder, files in checkouts.items():
            git = Git(folder, until, {**self._author, **_authored(message.at)})
            told |= self._told(git, files, message)
        return told

    def _told(self, git: Git, files: dict[str, Path], message: Message) -> dict[str, str]:
        try:
            home = _home(git)
            below = {n: p for n, p in files.items() if git.folder in p.parents}
            if home is None or not below:
                return {}
            with locked(home, max(git.left_s, 0)):
                return _settled(git, home, below, message)
        except NotCommitted as error:
            why = str(error)
        except NoGit as error:
            why = f"git cannot be run ({error}); install it where the scribe runs"
        except GitHung:
            why = f"git was not done within {self._within_s:g} s; see whether a hook of it hangs"
        except TimeoutError:
            why = f"another scribe was at it for {self._within_s:g} s"
        except OSError as error:
            why = f"{error.strerror} in {git.folder / '.git'}; let user {os.geteuid()} write there"
        return dict.fromkeys(files, f"not committed: {why}")


def _checkout_of(path: Path) -> Path | None:
    """The nearest folder above that looks like a checkout: without one, git is not asked at all."""
    return next((f for f in path.parents if os.path.lexists(f / ".git")), None)


def _home(git: Git) -> Path | None:
    """Go to the top of the checkout; return where git keeps its own, None if it is none at all."""
    answer = git.ask("rev-parse", "--show-toplevel", "--absolute-git-dir")
    if "not a git repository" in answer.err:
        return None
    if "dubious ownership" in answer.err:
        grant = f"git config --global --add safe.directory {git.folder}"
        raise NotCommitted(
            f"the checkout {git.folder} belongs to another user, and git refuses it; "
            f"as user {os.geteuid()}: {grant}"
        )
    top, home = _must(answer, "rev-parse").splitlines()[-2:]
    git.folder = Path(top)
    return Path(home)


def _settled(git: Git, home: Path, files: dict[str, Path], message: Message) -> dict[str, str]:
    names = {str(path.relative_to(git.folder)): name for name, path in files.items()}
    ignored = _ignored(git, names)
    told = {names[p]: "not committed: git ignores it (.gitignore)" for p in ignored}
    ours = [path for path in names if path not in ignored]
    if not ours:
        return told
    status = _must(
        git.ask(_LITERAL, "status", "--porcelain", "-z", "--no-renames", "-uall", "--", *ours)
    )
    states = [(line[:2], line[3:]) for line in status.split("\0") if line]
    changed = sorted({path for _, path in states})
    new = sorted({path for state, path in states if state == "??"})
    if known := _commit_of(git, message.run_id):
        return told | {names[p]: _LATER if p in new else f"committed as {known}" for p in ours}
    told |= {names[path]: _by_others(git, path) for path in ours if path not in changed}
    if changed:
        _may_commit(git, home)
        number = _committed(git, changed, new, message)
        told |= {names[path]: f"committed as {number}" for path in changed if path in names}
    return told


def _commit_of(git: Git, run_id: str) -> str | None:
    """Return the short number of the run's commit, if it is among the last ones."""
    if git.ask("rev-parse", "--quiet", "--verify", "HEAD").code:
        return None  # nothing was ever committed here
    form = "--format=%h %(trailers:key=Run,valueonly,separator=%x20)"
    log = _must(git.ask("log", f"-{DEEPEST}", "--no-show-signature", form, "HEAD"), "log")
    for line in log.splitlines():
        number, *runs = line.split()
        if run_id in runs:
            return number
    return None


def _ignored(git: Git, paths: Iterable[str]) -> set[str]:
    # It takes no literal paths, but nothing is special in one that begins with a slash.
    whole = {str(git.folder / path): path for path in paths}
    answer = git.ask("check-ignore", "--stdin", "-z", told="\0".join(whole))
    return {whole[path] for path in answer.out.split("\0") if path in whole}


def _by_others(git: Git, path: str) -> str:
    """A file that is as it was committed: by a run that was recorded at the same time, say."""
    log = git.ask(_LITERAL, "log", "-1", "--no-show-signature", "--format=%h", "HEAD", "--", path)
    number = log.out.strip()
    return f"committed as {number}" if number else ""


def _may_commit(git: Git, home: Path) -> None:
    for name, what in _UNDER_WAY:
        if os.path.lexists(home / name):
            raise NotCommitted(f"{what} is under way in {git.folder}; end it")
    if git.ask("symbolic-ref", "--quiet", "HEAD").code:
        raise NotCommitted(f"no branch is checked out in {git.folder} (its HEAD is detached)")


def _committed(git: Git, changed: list[str], new: list[str], message: Message) -> str:
    """Commit these files alone, whatever is staged or changed besides; return the number."""
    words = ("commit", "--quiet", "--only", "--cleanup=whitespace", "--file=-", "--")
    quiet = (_LITERAL, "-c", "gc.auto=0", "-c", "maintenance.auto=false")
    done = False
    try:
        if new:
            _must(_patiently(git, _LITERAL, "add", "--intent-to-add", "--", *new), "add")
        try:
            answer = _patiently(git, *quiet, *words, *changed, told=message.text)
        except GitHung:
            # A hook that runs after the commit may hang too.
            look = Git(git.folder, time.monotonic() + _AFTER_S)
            if found := _commit_of(look, message.run_id):
                done = True
                return found
            raise
        _must(answer, "commit")
        done = True
    finally:
        if new and not done:
            _unstage(git, new)
    head = _must(git.ask("rev-parse", "--short", "HEAD"), "rev-parse").strip()
    return _commit_of(git, message.run_id) or head


def _unstage(git: Git, new: list[str]) -> None:
    """Have files be unknown to git as before."""
    late = Git(git.folder, time.monotonic() + _AFTER_S)
    try:
        late.ask(_LITERAL, "rm", "--cached", "--quiet", "--force", "--ignore-unmatch", "--", *new)
    except GitHung:
        return  # they stay announced, which hinders nothing


def _patiently(git: Git, *words: str, told: str = "") -> Answer:
    """Ask, and ask again while another git is at work there."""
    until = time.monotonic() + _LOCKED_SHARE * max(git.left_s, 0)
    while True:
        answer = git.ask(*words, told=told)
        if answer.code == 0 or _LOCKED not in answer.err:
            return answer
        if time.monotonic() >= until:
            held = next(line for line in answer.err.splitlines() if _LOCKED in line)
            raise NotCommitted(
                f"another git is at work there ({plain(held, _LONGEST)}); "
                "if none is, remove that file"
            )
        time.sleep(_LOOK_S)


def _must(answer: Answer, what: str = "status") -> str:
    """Return what git printed, where it ended well."""
    if answer.code:
        said = plain(masked(answer.said), _LONGEST) or "nothing"
        raise NotCommitted(
            f"git {what} ended with {answer.code}; it, or a hook of it, said: {said}"
        )
    return answer.out


def _authored(at: datetime) -> dict[str, str]:
    return {"GIT_AUTHOR_DATE": f"@{int(at.timestamp())} +0000"}
