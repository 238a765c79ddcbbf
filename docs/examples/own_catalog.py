"""Convert a single object and look its images up in a database of one's own.

    python docs/examples/own_catalog.py OBJECT DATABASE

An object states which instances it selects, and mostly in which series they are, but not the series' number or frame
of reference, nor the instances' numbers. Without the images these come from the catalog: anything with a method
`lookup(sop_instance_uid)`. Here it asks an SQLite database with a table `instance`.
"""

from __future__ import annotations

import json
import sqlite3
import sys

from converter import Instance, convert

QUERY = """
    SELECT sop_instance_uid, sop_class_uid, study_instance_uid, series_instance_uid, series_number, instance_number,
           frame_of_reference_uid, "rows", "columns", number_of_frames
    FROM instance WHERE sop_instance_uid = ?
"""


class Database:
    """A catalog over a PACS's table of instances."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path)
        self._connection.row_factory = sqlite3.Row

    def lookup(self, sop_instance_uid: str) -> Instance | None:
        """Return what the database knows of an instance; columns are named as the fields of Instance."""
        row = self._connection.execute(QUERY, (sop_instance_uid,)).fetchone()
        return None if row is None else Instance(**dict(row))


def main(path: str, database: str) -> int:
    # With a catalog nothing needs to be read in advance: each result comes as soon as its object is read.
    with convert(path, catalog=Database(database)) as results:
        for result in results:
            for selection in result.selections:
                print(json.dumps(selection.to_dict(), indent=2))
            for problem in result.problems:
                print(f"{problem.severity}: {problem.code} at {problem.path}: {problem.message}", file=sys.stderr)
    return 1 if results.summary.has_error else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
