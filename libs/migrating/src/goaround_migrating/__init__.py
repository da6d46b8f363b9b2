"""What a migration does to a PostgreSQL database, and whether it can be taken back."""

from goaround_migrating.bookkeeping import BOOKKEEPING
from goaround_migrating.catalogue import fingerprint
from goaround_migrating.classifying import classify
from goaround_migrating.difference import difference, moved
from goaround_migrating.fingerprint import Fingerprint
from goaround_migrating.reverting import classify_revert
from goaround_migrating.verdicts import Blocks, Effect, Fit, Kind, Migration, Revert, Statement

__all__ = [
    "BOOKKEEPING",
    "Blocks",
    "Effect",
    "Fingerprint",
    "Fit",
    "Kind",
    "Migration",
    "Revert",
    "Statement",
    "classify",
    "classify_revert",
    "difference",
    "fingerprint",
    "moved",
]
