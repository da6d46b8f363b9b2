"""A service in a process of its own, whose handler does what each message says.

    python -m tests.chassis.worker STREAM CONSUMER [CONCURRENCY]

`run-hang-...` writes its line to the folder and then never ends; `run-slow-...` ends after half a
second; any other just writes its line.
"""

import asyncio
import os
import sys
from pathlib import Path

from goaround_chassis.bus import Bus, Subscription
from goaround_chassis.service import Answer, Service, run
from goaround_chassis.settings import ServiceSettings
from goaround_schemas.envelope import Message


class WorkerSettings(ServiceSettings):
    stream: str
    consumer: str
    folder: Path


async def build(settings: WorkerSettings, bus: Bus) -> Service:
    journal = settings.folder / "journal"

    def note(line: str) -> None:
        with journal.open("a") as file:
            file.write(line + "\n")

    async def handle(message: Message) -> None:
        note(f"began {message.subject}")
        if message.subject.startswith("run-hang"):
            await asyncio.Event().wait()
        if message.subject.startswith("run-slow"):
            await asyncio.sleep(0.5)
        note(f"ended {message.subject}")

    async def pid(_: bytes) -> bytes:
        return str(os.getpid()).encode()

    async def started() -> None:
        note("started")

    async def leaving() -> None:
        note("leaving")

    async def stopped() -> None:
        note("stopped")

    return Service(
        name="worker",
        settings=settings,
        subscriptions=(Subscription(settings.stream, settings.consumer, handle, concurrency=2),),
        answers=(Answer(f"api.{settings.stream}", pid),),
        on_start=(started,),
        on_leave=(leaving,),
        on_stop=(stopped,),
    )


if __name__ == "__main__":
    sys.exit(run(build, WorkerSettings, "worker"))
