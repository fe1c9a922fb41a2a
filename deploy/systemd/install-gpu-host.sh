#!/usr/bin/env bash
# Make this Debian or Ubuntu host, whose NVIDIA driver works, a render host: one worker for each GPU. With --whisperx the named
# GPUs hear speech, too.
# Run as root from a checkout of the release. Running it again updates the host; nothing that runs is stopped.
set -euo pipefail

usage="usage: install-gpu-host.sh [--gpus 0,1] [--whisperx 0] [--dry-run]"
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=/opt/reelyard state=/var/lib/reelyard settings=/etc/reelyard/worker.env
gpus="" speech="" dry=""

while [ $# -gt 0 ]; do
  case $1 in
    --gpus) gpus=${2:?$usage}; shift 2 ;;
    --whisperx) speech=${2:?$usage}; shift 2 ;;
    --dry-run) dry=1; shift ;;
    *) echo "$usage" >&2; exit 2 ;;
  esac
done

do_it() {
  if [ -n "$dry" ]; then echo "$*"; else "$@"; fi
}

find_gpus() {
  if ! command -v nvidia-smi >/dev/null; then
    echo "nvidia-smi is not here: install NVIDIA's driver first (Debian: apt-get install nvidia-driver)" >&2
    exit 3
  fi
  nvidia-smi --query-gpu=index --format=csv,noheader | paste -sd,
}

install_packages() {
  do_it apt-get update -q
  do_it env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    python3 python3-venv bubblewrap rsync
  # Debian has this one; on Ubuntu, whose Chromium is a snap, Playwright's is taken below
  if apt-cache show chromium-headless-shell >/dev/null 2>&1; then
    do_it env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium-headless-shell
  fi
}

install_code() {
  local python
  id reelyard >/dev/null 2>&1 || do_it useradd --system --home-dir "$state" --shell /usr/sbin/nologin reelyard
  # Whom a host lets at its cards; without udev it has no group render
  for group in video render; do
    ! getent group "$group" >/dev/null || do_it usermod --append --groups "$group" reelyard
  done
  do_it install -d -o reelyard -g reelyard -m 0755 "$state" "$state/models"
  do_it install -d -m 0755 "$target"
  do_it rsync -a --delete --exclude '.venv*' --exclude .git --exclude .reelyard --exclude browsers --exclude '*.egg-info' \
    "$source_folder/" "$target/"
  python=$(bash "$source_folder/cli/find_python.sh")
  [ -x "$target/.venv/bin/python" ] || do_it bash "$target/cli/make_venv.sh" "$python" "$target/.venv"
  do_it "$target/.venv/bin/python" -m pip install --quiet --require-hashes -r "$target/requirements/gpu.txt"
  do_it "$target/.venv/bin/python" -m pip install --quiet --no-deps -e "$target"
  if ! command -v chromium-headless-shell >/dev/null; then
    do_it env PLAYWRIGHT_BROWSERS_PATH="$target/browsers" "$target/.venv/bin/python" -m playwright install --with-deps \
      --only-shell chromium
  fi
}

# An environment of its own, since WhisperX asks for pins of its own. What has no wheel for a later Python is compiled.
install_whisperx() {
  local python whisperx=$target/.venv-whisperx
  python=$(bash "$source_folder/cli/find_python.sh")
  if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    do_it env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends build-essential python3-dev
  fi
  [ -x "$whisperx/bin/python" ] || do_it bash "$target/cli/make_venv.sh" "$python" "$whisperx"
  do_it "$whisperx/bin/python" -m pip install --quiet --require-hashes -r "$target/requirements/whisperx.txt"
  do_it bash -c "ln -sfn $whisperx/lib/python3.*/site-packages/nvidia $whisperx/nvidia"
  do_it install -m 0644 "$source_folder/deploy/systemd/reelyard-transcription@.service" /etc/systemd/system/
  do_it runuser -u reelyard -- env HOME="$state" LD_LIBRARY_PATH="$whisperx/nvidia/cublas/lib:$whisperx/nvidia/cudnn/lib" \
    "$whisperx/bin/python" -c "import ctypes, whisperx; ctypes.CDLL('libcublas.so.12'); ctypes.CDLL('libcudnn.so.9')"
}

install_units() {
  do_it install -d -m 0755 /etc/reelyard
  [ -e "$settings" ] || do_it install -m 0600 "$source_folder/deploy/systemd/worker.env.example" "$settings"
  do_it install -m 0644 "$source_folder/deploy/systemd/reelyard-render@.service" /etc/systemd/system/
  do_it systemctl daemon-reload
  for gpu in ${gpus//,/ }; do
    do_it systemctl enable "reelyard-render@$gpu.service"
  done
  for gpu in ${speech//,/ }; do
    do_it systemctl enable "reelyard-transcription@$gpu.service"
  done
}

if [ -z "$dry" ] && [ "$(id -u)" != 0 ]; then
  echo "This installs packages and units: run it as root" >&2
  exit 2
fi
[ -n "$gpus" ] || gpus=$(find_gpus)
install_packages
install_code
[ -z "$speech" ] || install_whisperx
install_units
echo "Fill in $settings, then:"
for gpu in ${gpus//,/ }; do echo "  systemctl start reelyard-render@$gpu"; done
for gpu in ${speech//,/ }; do echo "  systemctl start reelyard-transcription@$gpu"; done
cd "$target" 2>/dev/null || [ -n "$dry" ]
do_it runuser -u reelyard -- env HOME="$state" PLAYWRIGHT_BROWSERS_PATH="$target/browsers" \
  "$target/.venv/bin/reelyard" doctor --worker --home "$state"
