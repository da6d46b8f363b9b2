"""Examining a live system: what is looked at, and what each finding means and asks for.

It asks and reads; it changes nothing. As `operator`, whom the bus allows no more than that.
"""

from goaround.doctor.check import Check, Level, worst
from goaround.doctor.checks import checks
from goaround.doctor.look import look

__all__ = ["Check", "Level", "checks", "look", "worst"]
