"""Commands of a migration tool that are run for their answer: all that they print.

They are run as steps are, with their secrets put in here and masked in what they say.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from goaround_deployer.process import NotStarted
from goaround_deployer.steps.program import Programs, printed_by
from goaround_deployer.steps.secret import Unresolved, reveal
from goaround_deployer.tooling import NotTold, Told, environment
from goaround_schemas.guide.model import Argv
from goaround_schemas.guide.step import Migrations, Step

MOST_STDOUT = 8 * 1024 * 1024
"""Characters. The SQL of years of migrations is a tenth of it; a tool that never ends is not."""


@dataclass(frozen=True)
class Questions:
    """Asks tools on this worker: an `Ask`.

    `url` is a reference to a database in place of the guide's own. `stop` makes it leave off.
    """

    programs: Programs
    worker: Mapping[str, str]
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    url: str | None = None
    stop: asyncio.Event | None = None

    async def __call__(self, argv: Argv, migrations: Migrations, /) -> Told:
        """Run a command and return its exit code and all of its standard output.

        Raises:
            NotTold: It did not start, did not end in time, or said more than can be kept.
        """
        command = " ".join(argv)
        step = Step.model_construct(
            name=command,
            run=argv,
            env=environment(migrations, self.url),
            dir=migrations.dir,
            timeout=migrations.timeout,
        )
        try:
            revealed = reveal(step, self.worker)
            ended = await self.programs.ask(
                revealed.step,
                self.values,
                self.stop or asyncio.Event(),
                revealed.screen,
                MOST_STDOUT,
            )
        except (Unresolved, NotStarted) as error:
            raise NotTold(f"`{command}` was not run: {error.why}") from error
        printed = printed_by(ended)
        match ended.how:
            case "stopped":
                raise NotTold(f"`{command}` was stopped while it ran")
            case "timed_out":
                limit = f"{migrations.timeout.total_seconds():g} s (timeout:)"
                raise NotTold(f"`{command}` did not end within {limit}{printed}")
            case "exited" if ended.cut:
                limit = f"{MOST_STDOUT // 1024**2} MiB"
                raise NotTold(f"`{command}` printed more than {limit}: nobody can read it all")
            case "exited":
                return Told(ended.code, ended.stdout, printed)
