"""A commit on a branch of the checkout that holds the guides; the working tree is not touched.

It goes by git's own plumbing over an index of its own: what is staged, edited or checked out stays
as it is, no hook runs, and nothing is pushed. The branch is moved only from where it was seen.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

_WITHIN_S = 30.0
_NOT_YET = "0" * 40
_OURS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
"""What a hook's environment would say of another place than the folder."""


class NotCommitted(Exception):
    """No commit was made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit, and how to have others see it."""

    commit: str
    branch: str
    push: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch as it was seen: where a new commit goes on, and a guide's text there."""

    top: Path
    name: str
    tip: str | None
    """None: it is to be made, from HEAD."""
    base: str
    path: str
    mode: str
    text: str

    @property
    def digest(self) -> str:
        """What a run calls a guide with the text that is there."""
        return "sha256:" + sha256(self.text.encode()).hexdigest()

    @classmethod
    def of(cls, file: Path, name: str) -> "Branch":
        """Look at a guide's file in the branch of this name.

        Raises:
            NotCommitted: It lies in no checkout, is not in the branch, or the branch is in use.
        """
        file = file.resolve()
        top = Path(_git(file.parent, "rev-parse", "--show-toplevel", why=f"{file.parent}").strip())
        _git(top, "check-ref-format", "--branch", name, why=f"no branch can be named {name!r}")
        path = file.relative_to(top.resolve()).as_posix()
        ref = f"refs/heads/{name}"
        if f"branch {ref}\n" in _git(top, "worktree", "list", "--porcelain") + "\n":
            raise NotCommitted(
                f"branch {name} is checked out, and would move under its working tree: name "
                "another, or leave out --branch to have the file itself corrected"
            )
        tip = _maybe(top, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        base = tip or _maybe(top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if base is None:
            raise NotCommitted(f"{top} has no commit yet: make the first one")
        entry = _git(top, "ls-tree", base, "--", path).split(maxsplit=3)
        if not entry:
            where = f"branch {name}" if tip else "HEAD"
            raise NotCommitted(f"{path} is not in {where} of {top}: commit it first")
        mode, kind, blob = entry[:3]
        if kind != "blob" or mode == "120000":
            raise NotCommitted(f"{path} is a link in {top}: correct what it leads to")
        try:
            text = _run(top, ("cat-file", "blob", blob)).stdout.decode()
        except UnicodeDecodeError as error:
            raise NotCommitted(f"{path} is not UTF-8 in {name}") from error
        return cls(top, name, tip, base, path, mode, text)

    def commit(self, text: str, message: str) -> Committed:
        """Commit the guide with another text on the branch, which is made if there is none.

        Raises:
            NotCommitted: git refuses, in its own words, or somebody moved the branch meanwhile.
        """
        blob = _git(self.top, "hash-object", "-w", "--stdin", given=text.encode()).strip()
        with TemporaryDirectory(prefix="goaround-index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            _git(self.top, "read-tree", self.base, more=index)
            entry = f"{self.mode},{blob},{self.path}"
            _git(self.top, "update-index", "--cacheinfo", entry, more=index)
            tree = _git(self.top, "write-tree", more=index).strip()
        commit = _git(
            self.top, "commit-tree", tree, "-p", self.base, given=message.encode()
        ).strip()
        ref = (f"refs/heads/{self.name}", commit, self.tip or _NOT_YET)
        reason = "goaround: correction of a guide"
        _git(self.top, "update-ref", "-m", reason, *ref, why=f"branch {self.name} was not moved")
        return Committed(commit, self.name, self._push())

    def _push(self) -> str:
        remotes = _git(self.top, "remote").split()
        if not remotes:
            return f"{self.top} has no remote to push it to"
        remote = "origin" if "origin" in remotes else remotes[0]
        return f"to push it: git -C {self.top} push {remote} {self.name}"


def _git(
    top: Path,
    *words: str,
    given: bytes | None = None,
    more: dict[str, str] | None = None,
    why: str = "",
) -> str:
    done = _run(top, words, given, more)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        # Below what is wrong there may be advice, and above it hints.
        wrong = [line for line in said if line.startswith(("fatal:", "error:"))]
        what = (wrong or said or [f"exit code {done.returncode}"])[0]
        raise NotCommitted(f"{why or 'git ' + words[0]}: {what}")
    return done.stdout.decode(errors="replace")


def _maybe(top: Path, *words: str) -> str | None:
    done = _run(top, words)
    return done.stdout.decode().strip() if done.returncode == 0 else None


def _run(
    top: Path,
    words: Sequence[str],
    given: bytes | None = None,
    more: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    environment = {k: v for k, v in os.environ.items() if k not in _OURS}
    try:
        return subprocess.run(
            ["git", "-C", str(top), *words],
            input=given if given is not None else b"",
            env=environment | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"} | (more or {}),
            capture_output=True,
            timeout=_WITHIN_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise NotCommitted("there is no git on the path; leave out --branch") from error
    except subprocess.TimeoutExpired as error:
        raise NotCommitted(f"git {words[0]} has not ended in {_WITHIN_S:g} s") from error
