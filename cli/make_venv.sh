#!/usr/bin/env bash
# Make a virtual environment: make_venv.sh PYTHON FOLDER. Debian keeps a part of it in a package of its own.
set -euo pipefail
python=$1 folder=$2
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing $version, which Python's venv needs on Debian ..."
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$version" >/dev/null
  else
    echo "Python's venv is missing here. On Debian, as root: apt-get install $version" >&2
    exit 3
  fi
fi
rm -rf "$folder"
echo "Making $folder with $("$python" --version) ..."
"$python" -m venv "$folder"
