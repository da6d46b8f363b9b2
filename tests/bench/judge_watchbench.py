"""Prints the judge beside the peers that WatchBench brings: `make watchbench WATCHBENCH=DIR`.

WatchBench is not part of the project; without it there is nothing to measure, and that is said.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PEERS = (
    ("Kayenta's rule", "kayenta_judge.py"),
    ("static, 3 failures tolerated", "argo_static.py"),
    ("static, no failure tolerated", "argo_static.py --fl 0"),
    ("three sigma", "zscore3.py"),
    ("CUSUM", "cusum.py"),
)
NEEDS_SCIPY = "kayenta_judge.py"
REPLAYED = 200
"""Red verdicts that are asked for again on what was known at their moment."""


def evaluated(bench: Path, split: str, command: str) -> dict[str, Any]:
    """Return what WatchBench's own evaluator says of a judge.

    Raises:
        subprocess.CalledProcessError: the evaluator ended with a failure.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        subprocess.run(
            [
                *(sys.executable, str(bench / "evaluate.py"), split, "--quiet"),
                *("--judge", command, "--json", str(out), "--verify-causal", str(REPLAYED)),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        result: dict[str, Any] = json.loads(out.read_text())
        return result


def row(name: str, result: dict[str, Any]) -> str:
    """Return a judge's figures as a line of the table."""
    s, ci = result["summary"], result["ci95"]

    def within(key: str) -> str:
        low, high = ci[key]
        return f"{s[key]:.3f} [{low:.2f}, {high:.2f}]"

    shifts = result["power"]
    return (
        f"{name:30}{within('macro'):>20}{within('recall'):>20}{s['recall_observable']:>8.3f}"
        f"{within('false_alarm'):>20}{s['yellow_benign']:>8.3f}{s['delay_median_steps']:>7.1f}"
        f"{shifts.get('0', 0):>7.2f}{shifts.get('0.2', 0):>7.2f}{shifts.get('0.5', 0):>7.2f}"
        f"{result['causal']['violations']:>5}/{result['causal']['checked']}"
    )


def main(arguments: list[str]) -> int:
    """Print the table; return how the process is to end."""
    bench = Path(arguments[0]) if arguments else Path("../shared/watchbench")
    split = arguments[1] if len(arguments) > 1 else "open"
    if not (bench / "evaluate.py").is_file():
        print(f"WatchBench is not at {bench}: name its folder with make watchbench WATCHBENCH=...")
        return 0
    print(
        f"{split}: in brackets, 95 % bootstrap intervals; shifts are the share called Red of "
        f"synthetic ones, 0 % being unshifted\n"
        f"{'':30}{'macro':>20}{'recall':>20}{'visible':>8}{'false alarms':>20}{'yellow':>8}"
        f"{'delay':>7}{'0 %':>7}{'+20 %':>7}{'+50 %':>7}{'peeks':>7}"
    )
    command = f"{sys.executable} -m goaround_judge"
    print(row("goaround", evaluated(bench, split, command)), flush=True)
    for name, script in PEERS:
        if script == NEEDS_SCIPY and importlib.util.find_spec("scipy") is None:
            print(f"{name:30}  not run: needs scipy (.venv/bin/pip install scipy)")
            continue
        command = f"{sys.executable} {bench.resolve() / 'peers' / script}"
        print(row(name, evaluated(bench, split, command)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
