"""Convert the data sets of a study that are in memory already, as after a DICOMweb retrieve.

    python docs/examples/convert_in_memory.py FOLDER > ImagingSelection.ndjson

The folder stands in for the service. The resources are the same, byte for byte, that the command writes for the same
instances in files: what the images state (series numbers, frames of reference, sizes) comes from them here, too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pydicom
from pydicom import Dataset

from converter import convert


def retrieve_study(folder: Path) -> list[Dataset]:
    """Return the instances of a study: with dicomweb-client this would be `client.retrieve_study(study_uid)`."""
    return [pydicom.dcmread(path) for path in sorted(folder.rglob("*.dcm"))]


def main(folder: str) -> int:
    datasets = retrieve_study(Path(folder))
    with convert(datasets) as results:
        for result in results:
            for selection in result.selections:
                sys.stdout.buffer.write(selection.to_json() + b"\n")
    return 1 if results.summary.has_error else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
