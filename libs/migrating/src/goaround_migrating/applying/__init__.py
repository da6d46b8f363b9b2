"""`goaround-sql`: applies files of SQL to a database, and takes them back.

The one part that changes a database. What it did stands in its own table, row by row, so that a
crash leaves exactly the files whose rows are there.
"""

from goaround_migrating.applying.folder import FolderFault, scripts_in

__all__ = ["FolderFault", "scripts_in"]
