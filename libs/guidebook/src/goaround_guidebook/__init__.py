"""Deployment guides: YAML text to models and back, with errors that name file, line and column."""

from goaround_guidebook.correction import Corrected, NotCorrectable, correct
from goaround_guidebook.environment import NoEnvironment, environment_of
from goaround_guidebook.fault import Fault, GuideInvalid
from goaround_guidebook.reading import read
from goaround_guidebook.shelf import LoadedGuide, NoGuide, Shelf, TwoGuides, load
from goaround_guidebook.template import Context, Unresolved, render, render_kept, uses, values

__all__ = [
    "Context",
    "Corrected",
    "Fault",
    "GuideInvalid",
    "LoadedGuide",
    "NoEnvironment",
    "NoGuide",
    "NotCorrectable",
    "Shelf",
    "TwoGuides",
    "Unresolved",
    "correct",
    "environment_of",
    "load",
    "read",
    "render",
    "render_kept",
    "uses",
    "values",
]
