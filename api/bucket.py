"""Make the bucket where there is none, as ``python -m api.bucket``: private, with its rules and what browsers may do.

A bucket that is there is left as it is: its owner may have given our keys no right to change its rules.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import closing

from tasks.config import read_storage_settings
from tasks.environment import read_environment
from tasks.errors import ConfigurationError, TransientError
from tasks.storage import StorageError
from tasks.storage.s3 import S3Storage

OTHERS, OWN = "REELYARD_CORS_ORIGINS", "REELYARD_PUBLIC_URL"


def make_bucket(environ: Mapping[str, str]) -> str:
    """Make the bucket with its rules, or bring its rules up to date; return its name."""
    settings, values = read_storage_settings(environ), read_environment(environ, (OTHERS, OWN))
    origins = (values[OWN], *values[OTHERS])  # the studio sends files from the API's own origin
    with closing(S3Storage(settings)) as storage:
        storage.ensure_bucket(cors_origins=origins)
    return settings.s3_bucket


def is_there(environ: Mapping[str, str]) -> bool:
    """Tell whether the bucket is there; raise StorageError when the storage is away."""
    with closing(S3Storage(read_storage_settings(environ))) as storage:
        try:
            storage.ping()
        except StorageError as error:
            if error.code == "storage.no_bucket":
                return False
            raise
    return True


def main() -> int:
    """Say what was done; return 1, with the reason, when it could not be."""
    try:
        told = "The bucket is there" if is_there(os.environ) else f"Made the bucket {make_bucket(os.environ)}"
    except (ConfigurationError, TransientError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{told}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
