"""What a system has used so far: CPU by process, transactions, messages and bytes."""

import asyncio
import json
import os
import time
import urllib.request
from pathlib import Path

import asyncpg

from goaround.local import LocalSystem

Costs = dict[str, float]
_TICKS = os.sysconf("SC_CLK_TCK")


async def costs(system: LocalSystem) -> Costs:
    """Return what has been used up to now; CPU in milliseconds, by process."""
    used = {f"cpu_ms {part.name}": _cpu_ms(part.pid) for part in system.parts}
    for server in system.servers.status():
        if server.pid is not None:
            used[f"cpu_ms {server.server}"] = sum(map(_cpu_ms, _family(server.pid)))
    used["cpu_ms driver"] = time.process_time() * 1000
    said = await asyncio.to_thread(_asked, f"{system.servers.nats.monitor_url}/varz")
    used |= {name: float(said[name]) for name in ("in_msgs", "out_msgs", "in_bytes", "out_bytes")}
    connection = await asyncpg.connect(system.database_url)
    try:
        used["transactions"] = float(
            await connection.fetchval(
                "select xact_commit from pg_stat_database where datname = current_database()"
            )
        )
    finally:
        await connection.close()
    return used


def a_run(before: Costs, after: Costs, runs: int) -> Costs:
    """Return what one run has used between two looks."""
    return {name: round((after[name] - before[name]) / runs, 2) for name in after if name in before}


def _asked(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        said: dict[str, float] = json.load(answer)
        return said


def _cpu_ms(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS * 1000


def _family(pid: int) -> list[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = list[int](), [pid]
    while waiting:
        found.append(one := waiting.pop())
        waiting += children.get(one, [])
    return found
