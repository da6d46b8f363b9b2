"""What a program of a guide finds in its environment: little, and nothing of the worker's own.

A worker holds credentials (of the bus, of targets) that a step of a guide has no business with.
"""

import os
from collections.abc import Iterable, Mapping

ALWAYS = ("PATH", "HOME", "LANG", "TZ")


def environment(
    worker: Mapping[str, str],
    passed: Iterable[str],
    values: Mapping[str, str],
    own: Mapping[str, str],
) -> dict[str, str]:
    """Return a program's environment: the worker's few, the values of the run, the step's own.

    A later one wins over an earlier one of the same name.
    """
    kept = {name: worker[name] for name in (*ALWAYS, *passed) if name in worker}
    kept.setdefault("PATH", os.defpath)
    return {**kept, **values, **own}
