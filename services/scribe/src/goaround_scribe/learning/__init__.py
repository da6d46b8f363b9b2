"""What the runs on record say of the guide: corrections with their evidence, never applied here."""

from goaround_scribe.learning.lesson import Lesson, learn
from goaround_scribe.learning.proposal import counted, round_up

__all__ = ["Lesson", "counted", "learn", "round_up"]
