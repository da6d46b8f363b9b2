"""Asking the questions of a matrix: all at once, each as often as its patience allows.

Every question gets its row, whatever happens to it. Nothing is kept between two matrices.
"""

import asyncio
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from goaround_schemas.guide import Check
from goaround_schemas.matrix import Matrix, MatrixRow, Question, WorkVerifyData
from goaround_verifier.checks.probe import Probe
from goaround_verifier.finding import Finding, errored, hopeless
from goaround_verifier.matrix import matrix_of, patience_of, pause_after, row_of
from goaround_verifier.metric import CHECK, CHECKS
from goaround_verifier.pace import Pace
from goaround_verifier.secret import Missing, Secrets

log = structlog.get_logger(__name__)

# A probe keeps its own time and says what it waited for; this ends one that does not.
SLACK_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """`parallel` tries run at once in this process; no row is asked longer than `longest_s`."""

    parallel: int = 32
    longest_s: float = 3600.0


class Examiner:
    """Finds out what a matrix of checks says."""

    def __init__(
        self, probes: Mapping[str, Probe], secrets: Secrets, pace: Pace, limits: Limits
    ) -> None:
        self._probes = probes
        self._secrets = secrets
        self._pace = pace
        self._longest_s = limits.longest_s
        self._slots = asyncio.Semaphore(limits.parallel)

    async def examine(self, asked: WorkVerifyData) -> Matrix:
        """Return the matrix, a row for each question in the same order. It always ends."""
        rows = await asyncio.gather(
            *(self.fill(question, asked.within_s) for question in asked.questions),
            return_exceptions=True,
        )
        return matrix_of(
            asked, [_kept(q, row) for q, row in zip(asked.questions, rows, strict=True)]
        )

    async def fill(self, question: Question, within_s: float | None) -> MatrixRow:
        """Ask one question until its answer stands."""
        check = question.check
        patience = patience_of(check, within_s, self._longest_s)
        started, tries = self._pace.seconds(), 0
        while True:
            finding = await self._try(check)
            tries += 1
            elapsed_s = self._pace.seconds() - started
            pause_s = pause_after(finding, patience, tries, elapsed_s)
            if pause_s is None:
                CHECKS.labels(check.kind, finding.outcome).inc()
                CHECK.labels(check.kind).observe(elapsed_s)
                return row_of(question, finding, tries, elapsed_s)
            await self._pace.sleep(pause_s)

    async def _try(self, check: Check) -> Finding:
        """Ask once. Secrets are opened here, for this try alone."""
        try:
            opened = self._secrets.open(check)
        except Missing as missing:
            return hopeless(missing.why)
        timeout_s = min(check.timeout.total_seconds(), self._longest_s)
        async with self._slots:
            try:
                async with asyncio.timeout(timeout_s + SLACK_S):
                    finding = await self._probes[check.kind].ask(
                        opened.check, timeout_s, opened.mask
                    )
            except TimeoutError:
                return errored(f"{check.title} was not over within {timeout_s:g} s")
        value = opened.mask(finding.value) if finding.value is not None else None
        return replace(finding, detail=opened.mask(finding.detail), value=value)


def _kept(question: Question, row: MatrixRow | BaseException) -> MatrixRow:
    """The row; where filling it broke in a way nobody foresaw, one that says so."""
    if isinstance(row, MatrixRow):
        return row
    if not isinstance(row, Exception):
        raise row
    # The error's own words may hold a secret that was open just then; its type and place do not.
    at = traceback.format_tb(row.__traceback__)
    log.error("check_broke", check=question.check.title, error=type(row).__name__, at=at)
    broke = hopeless(f"the check broke inside the verifier with {type(row).__name__}; see its log")
    return row_of(question, broke, tries=1, seconds=0.0)
