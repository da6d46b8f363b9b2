"""A guide's file, found by its service, and written whole or not at all.

Every byte outside the correction stays as it was, and so do the file's rights. What is no sound
guide for the same service afterwards is never written.
"""

import os
import secrets
import stat
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from goaround_guidebook import GuideInvalid, NoGuide, Shelf, TwoGuides, read


class NotWritten(Exception):
    """The guide cannot be corrected there; nothing was changed, and the message says what to do."""


@dataclass(frozen=True, slots=True)
class GuideFile:
    """A sound guide's file, as it was read."""

    path: Path
    service: str
    text: str

    @property
    def digest(self) -> str:
        """What a run calls a guide with this text."""
        return "sha256:" + sha256(self.text.encode()).hexdigest()

    def write(self, text: str) -> None:
        """Write the guide anew, over the very text that was read.

        Raises:
            NotWritten: It would be no sound guide of this service, the file has changed
                meanwhile, or cannot be written.
        """
        check(text, str(self.path), self.service)
        # Not the link to it: what leads to the file goes on doing so.
        target = self.path.resolve()
        written = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            mode = stat.S_IMODE(target.stat().st_mode)
            descriptor = os.open(written, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(text.encode())
                    file.flush()
                    os.fchmod(file.fileno(), mode)
                    os.fsync(file.fileno())
                if target.read_bytes() != self.text.encode():
                    raise NotWritten(f"{self.path} has changed just now; nothing is written")
                written.replace(target)
            except BaseException:
                written.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise NotWritten(f"{self.path} cannot be written: {error.strerror}") from error


def guide_file(folder: Path, service: str) -> GuideFile:
    """Return the file in a folder that holds the guide of a service.

    Raises:
        NotWritten: There is none, or more than one, or it is not sound as it is.
    """
    try:
        found = Shelf(folder).find(service)
    except (NoGuide, TwoGuides) as error:
        raise NotWritten(f"{error}; name their folder with --guides DIR") from error
    except GuideInvalid as error:
        raise NotWritten(f"{error.faults[0]}: mend that first (goaround guide check)") from error
    except OSError as error:
        raise NotWritten(f"{error.filename}: cannot be read: {error.strerror}") from error
    return GuideFile(folder / found.name, service, found.text)


def check(text: str, name: str, service: str) -> None:
    """See that a text is a sound guide of this service.

    Raises:
        NotWritten: It is none; the message has the first fault.
    """
    try:
        guide = read(text, name)
    except GuideInvalid as error:
        raise NotWritten(
            f"corrected, it would be no sound guide: {error.faults[0]}; nothing is changed"
        ) from error
    if guide.service != service:
        raise NotWritten(f"{name} is the guide of {guide.service}, not of {service}")
