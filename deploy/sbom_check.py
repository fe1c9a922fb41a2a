"""Judge bills of materials by CycloneDX's own strict schema: ``python -m deploy.sbom_check FILE …``.

Runs in ``.venv-release``, where ``cyclonedx-python-lib`` is.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion  # type: ignore[import-not-found]
from cyclonedx.validation.json import JsonStrictValidator  # type: ignore[import-not-found]


def main(paths: list[str]) -> int:
    """Say of each file whether it is valid; return 0 when all are."""
    validator, wrong = JsonStrictValidator(SchemaVersion.V1_6), 0
    for path in paths:
        error = validator.validate_str(Path(path).read_text())
        sys.stdout.write(f"{path}: {str(error)[:2000] if error else 'valid CycloneDX 1.6'}\n")
        wrong += bool(error)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
