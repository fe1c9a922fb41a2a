#!/usr/bin/env bash
# Print a Python of at least 3.11: $PYTHON, python3.11, or python3.
set -euo pipefail
for candidate in "${PYTHON:-}" python3.11 python3 python3.12 python3.13; do
  if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    command -v "$candidate"
    exit 0
  fi
done
echo "Reelyard needs Python 3.11 or newer, and found none. On Debian 12: apt-get install python3 python3-venv; or PYTHON=/path/to/python make ..." >&2
exit 3
