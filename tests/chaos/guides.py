"""The services that chaos deploys: what their steps may and may not do twice, and how they fail.

A version's name decides what becomes of it: `bad` fails in a step, `sick` fails its health check.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

EFFECT = """\
#!/bin/sh
# LOG RUN SERVICE PROCEDURE STAGE STEP once|again VERSION PAUSE_S [FILE TEXT]
log="$1" pause="$9"
line="$$ $2 $3 $4 $5 $6 $7"
read -r up rest < /proc/uptime
printf '%s\\n' "$up begin $line" >> "$log"
[ "$pause" = 0 ] || sleep "$pause"
[ -z "${10-}" ] || printf '%s\\n' "${11}" > "${10}"
read -r up rest < /proc/uptime
printf '%s\\n' "$up end $line" >> "$log"
case "$4 $6 $8" in "deploy switch "*bad*) echo "this version is bad" >&2; exit 1;; esac
"""


@dataclass(frozen=True)
class Kind:
    """What sets the guides of a kind apart from others."""

    name: str
    once: bool = False
    pause_s: str = "0"
    stages: tuple[str, ...] = ("all",)
    migration: bool = False
    watch: str = ""
    more: str = ""


KINDS = (
    Kind("plain"),
    Kind("once", once=True),
    Kind("slow", pause_s="0.7"),
    Kind("slow-once", once=True, pause_s="0.7"),
    Kind("staged", stages=("canary", "all")),
    Kind("schema", migration=True),
    Kind("noted", more="record: {{changelog: {service}.md}}\nnotify: [{{name: board, "
         "to: 'http://127.0.0.1:{port}/notice', when: [started, finished]}}]\n"),
    Kind("hasty", pause_s="0.3", more="policy: {{when_busy: supersede}}\n"),
    Kind("picky", more="policy: {{when_busy: reject}}\n"),
    Kind("watched", watch="watch: {{period: 1s, every: 250ms, extend: {{by: 1s, at_most: 1}}, "
         "undecided: accept, baseline: {{before: 1s}}, signals: [{{name: load, kind: saturation, "
         'scrape: {{url: "http://127.0.0.1:{port}/metrics", value: load}}}}]}}\n'),
)  # fmt: skip
PACE = (10, 10, 6, 6, 8, 8, 6, 3, 3, 2)
"""How many services of each kind there are, of 62."""


@dataclass(frozen=True)
class Shelf:
    """The folder of guides, the effects log and the script that writes to it."""

    root: Path
    port: int

    @property
    def log(self) -> Path:
        """Where steps write what they do."""
        return self.root / "effects.log"

    def write(self, services: int) -> dict[str, Kind]:
        """Write so many guides; return the kind of each service."""
        guides = self.root / "guides"
        guides.mkdir(parents=True)
        (self.root / "workspace").mkdir()
        (self.root / "schemas").mkdir()
        self._script.write_text(EFFECT)
        self.log.touch()
        every = [kind for kind, many in zip(KINDS, PACE, strict=True) for _ in range(many)]
        found: dict[str, Kind] = {}
        for number in range(services):
            kind = every[number * 7 % len(every)]
            service = f"{kind.name}-{number}"
            (guides / f"{service}.yaml").write_text(self._guide(service, kind))
            if kind.migration:
                self._schema(service).write_text("base\n")
            found[service] = kind
        return found

    @property
    def _script(self) -> Path:
        return self.root / "effect.sh"

    def _schema(self, service: str) -> Path:
        return self.root / "schemas" / service

    def _command(
        self, service: str, procedure: str, step: str, kind: Kind, *more: str, version: str
    ) -> str:
        forward = procedure == "deploy"
        once = kind.once and forward and step != "migration"
        argv = (
            *("/bin/sh", str(self._script), str(self.log), "{run.id}", service, procedure),
            *("{stage.name}" if forward and step != "migration" else "all", step),
            *("once" if once else "again", version, kind.pause_s, *more),
        )
        return "[" + ", ".join(f'"{part}"' for part in argv) + "]"

    def _guide(self, service: str, kind: Kind) -> str:
        forward = [
            f"    - {{name: {step}, idempotent: {str(not kind.once).lower()}, "
            f"run: {self._command(service, 'deploy', step, kind, version='{version}')}}}\n"
            for step in STEPS
        ]
        back = self._command(service, "rollback", "back", kind, version="{previous.version}")
        stages = ", ".join(f"{{name: {name}}}" for name in kind.stages)
        health = f"http://127.0.0.1:{self.port}/health/"
        return (
            "guide: goaround/v1\n"
            f"service: {service}\n"
            "environments: {prod: {}}\n"
            f"stages: [{stages}]\n"
            "deploy:\n"
            + (self._migrations(service, kind) if kind.migration else "")
            + "  steps:\n"
            + "".join(forward)
            + "verify:\n"
            f'  liveness: [{{http: {{url: "{health}{{version}}"}}, every: 200ms}}]\n'
            + kind.watch.format(port=self.port)
            + "rollback:\n"
            "  steps:\n"
            f"    - {{name: back, idempotent: true, run: {back}}}\n"
            + kind.more.format(service=service, port=self.port)
        )

    def _migrations(self, service: str, kind: Kind) -> str:
        file = str(self._schema(service))
        apply = self._command(
            service, "deploy", "migration", kind, file, "at-{version}", version="{version}"
        )
        revert = self._command(
            service, "rollback", "migration", kind, file, "{migration.before}", version="{version}"
        )
        cat = shutil.which("cat") or "/bin/cat"
        return (
            f'  migrations: {{current: ["{cat}", "{file}"],\n'
            f"    apply: {apply},\n    revert: {revert}}}\n"
        )


STEPS = ("prepare", "switch")


def steps_of(kind: Kind) -> list[tuple[str, str]]:
    """The stages and steps of a kind's guides, in the order in which they are to be done."""
    steps = [(stage, step) for stage in kind.stages for step in STEPS]
    return [("all", "migration"), *steps] if kind.migration else steps
