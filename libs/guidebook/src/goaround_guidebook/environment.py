"""Which environments a guide knows."""

from collections.abc import Iterable

from goaround_guidebook.fault import nearest
from goaround_schemas.guide import Environment, Guide


class NoEnvironment(LookupError):
    """The guide of this service knows no such environment."""

    def __init__(self, service: str, environment: str, known: Iterable[str]) -> None:
        self.service = service
        self.environment = environment
        self.known = tuple(known)
        self.nearest = nearest(environment, self.known)
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        super().__init__(
            f"the guide of {service} has no environment {environment!r}; "
            f"it has {', '.join(self.known)}{hint}"
        )


def environment_of(guide: Guide, name: str) -> Environment:
    """Return the environment of this name.

    Raises:
        NoEnvironment: There is none; the message says which there are.
    """
    if (found := guide.environments.get(name)) is None:
        raise NoEnvironment(guide.service, name, guide.environments)
    return found
