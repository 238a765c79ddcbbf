"""Convert a folder and count what came out, as the command does.

    python docs/examples/convert_folder.py FOLDER

Nothing is held but one object at a time; the files may be in any order, and nested or packed in any way.
"""

from __future__ import annotations

import sys
from collections import Counter

from converter import Settings, convert


def main(folder: str) -> int:
    settings = Settings(
        timezone="Europe/Berlin",  # for objects that do not say in which zone their times are
        patient_id_systems={"": "urn:oid:1.2.276.0.99"},  # for patients whose ID names no issuer
    )
    codes: Counter[str] = Counter()
    with convert(folder, settings) as results:
        for result in results:
            for problem in result.problems:
                if problem.severity == "error":
                    print(f"{result.file}: {problem.code} at {problem.path}: {problem.message}", file=sys.stderr)
            for selection in result.selections:
                # to_dict() gives plain Python values, to_json() bytes, to_resource() a pydantic model.
                resource = selection.to_dict()
                codes[resource["code"]["text"]] += 1
    for text, count in codes.most_common():
        print(f"{count:5} {text}")
    print(f"{results.summary.selections.total():5} selections in {results.summary.objects.total()} objects")
    return 1 if results.summary.has_error else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
