"""References to secrets: found, resolved where they are used, masked in what is printed.

Needs nothing but the standard library, opens no file unless asked to resolve one, keeps no secret.
"""

from goaround_secrets.mask import MASK, Mask, StreamMask
from goaround_secrets.reference import ReferenceMalformed, SecretReference, references
from goaround_secrets.resolve import (
    MAX_SECRET_BYTES,
    Json,
    Resolved,
    ResolvedTree,
    SecretMissing,
    read_secret_file,
    resolve,
    resolve_all,
)

__all__ = [
    "MASK",
    "MAX_SECRET_BYTES",
    "Json",
    "Mask",
    "ReferenceMalformed",
    "Resolved",
    "ResolvedTree",
    "SecretMissing",
    "SecretReference",
    "StreamMask",
    "read_secret_file",
    "references",
    "resolve",
    "resolve_all",
]
