"""Exit codes: what a script can tell from how a command ended. A contract; `--help` has them."""

from collections.abc import Mapping
from typing import Literal

from goaround_schemas.phase import Outcome

DONE = 0
REFUSED = 1
WRONG_USAGE = 2
UNREACHABLE = 3
DIFFERS = 20
DOUBTFUL = 21
OUT_OF_TIME = 124
INTERRUPTED = 130
PIPE_CLOSED = 141

AFTER_DEPLOY: Mapping[Outcome, int] = {
    "succeeded": 0,
    "rolled_back": 10,
    "rollback_failed": 11,
    "rejected": 12,
    "aborted": 13,
    "superseded": 14,
}
# A run that was to go around and succeeded was not stopped in time.
AFTER_ROLLBACK: Mapping[Outcome, int] = {**AFTER_DEPLOY, "rolled_back": 0, "succeeded": REFUSED}
AFTER_REHEARSAL: Mapping[Literal["passed", "failed", "errored"], int] = {
    "passed": 0,
    "failed": DIFFERS,
    "errored": DOUBTFUL,
}

EPILOG = (
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 cannot be reached, 130 interrupted."
)
REPLAY_EPILOG = (
    "Exit codes: 0 the same verdict, byte for byte; 20 another one, or in other words; 1 refused, "
    "or a recording is damaged; 2 wrong usage; 3 cannot be reached; 130 interrupted."
)
REHEARSE_EPILOG = (
    "Exit codes: 0 passed; 20 failed: it cannot be taken back as it is, or the previous version "
    "cannot live with it; 21 nobody could tell; 124 no result in time (it goes on); 1 refused; 2 "
    "wrong usage; 3 cannot be reached; 130 detached with Ctrl-C (it goes on). With --no-wait: 0 "
    "it is under way."
)
DOCTOR_EPILOG = (
    "Exit codes: 0 all is well; 21 there are warnings, and nothing worse; 1 something is bad; "
    "2 wrong usage; 3 the bus cannot be reached; 130 interrupted."
)
WAIT_EPILOG = (
    "Exit codes with --wait: 0 {good}, {other}, 11 rollback_failed, 12 rejected, 13 aborted, "
    "14 superseded, 124 --timeout has passed, 130 detached with Ctrl-C (the run goes on). "
    "Without: 0 the request is kept. Always: 1 refused, 2 wrong usage, 3 cannot be reached."
)
DEPLOY_EPILOG = WAIT_EPILOG.format(good="succeeded", other="10 rolled_back")
ROLLBACK_EPILOG = WAIT_EPILOG.format(good="rolled_back", other="1 it succeeded all the same")
