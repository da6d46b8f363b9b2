"""What a lossy revert would drop, copied into side tables before it runs.

A copy is of one moment. What is written between it and the revert is not in it: the two are not
one transaction, since the revert is the migration tool's own.
"""

from goaround_migrating.keeping.copies import Kept
from goaround_migrating.keeping.keep import keep
from goaround_migrating.keeping.losing import NotKept

__all__ = ["Kept", "NotKept", "keep"]
