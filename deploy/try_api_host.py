"""Type what ``docs/howto/api-host.rst`` says into a fresh Debian tree: ``python -m deploy.try_api_host``, as root.

The page's own blocks are run, from the packages to the units; then what the units start is started as their user, with
their settings, and the API has to be ready, show the studio and take a first account. What is not tried: systemd itself
(its units are enabled and their commands run by hand, PostgreSQL's and Redis' too), certificates, names.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

from deploy.try_host import ENVIRON, can_make_trees, make_host, on_host
from deploy.try_images import ROOT, make_base, say

PAGE = ROOT / "docs/howto/api-host.rst"
BLOCK = re.compile(r"^\.\. code-block:: sh\n\n((?:   .*\n|\n)+)", re.MULTILINE)
STEPS = ("packages", "code", "seaweedfs", "settings", "stores", "units", "tls", "look")
BY_HAND = {
    "systemctl restart redis-server": "redis-server /etc/redis/redis.conf --daemonize yes --supervised no",
    "systemctl enable --now": "systemctl enable",
    "systemctl start reelyard-migrate": "",
    "systemctl reload caddy": "caddy validate --adapter caddyfile --config /etc/caddy/Caddyfile",
    "https://media.example.com/readyz": "http://127.0.0.1:8000/readyz",
    "journalctl": "true",
}
"""What the tree's missing systemd, names and certificates ask for instead."""
START = r"""
install -d -o reelyard -g reelyard -m 0700 /var/lib/reelyard-storage /var/lib/reelyard/scratch /run/reelyard
install -o reelyard -m 0600 /etc/reelyard/storage.json /run/reelyard/keys.json
unit() {
  local line
  line=$(sed -n 's/^ExecStart=//p' "/etc/systemd/system/reelyard-$1.service" | sed -n "${2:-1}p")
  line=$(sed 's|%d|/run/reelyard|; s|%H|host|' <<< "$line")
  set -a; . /etc/reelyard/worker.env; . /etc/reelyard/api.env; set +a
  export HOME=/var/lib/reelyard REELYARD_SCRATCH_DIR=/var/lib/reelyard/scratch REELYARD_LOCK_DIR=/run/reelyard
  exec runuser -u reelyard --preserve-environment -- sh -c "cd /opt/reelyard && exec $line"
}
patiently() { for _ in $(seq 40); do "$@" && return; sleep 3; done; return 1; }
(unit storage) > /root/storage.log 2>&1 &
(unit wall) > /root/wall.log 2>&1 &
(unit migrate 1)
bucket() { (unit migrate 2); }
patiently bucket
for name in api engine control; do (unit $name) > /root/$name.log 2>&1 & done
patiently curl --silent --fail --output /dev/null http://127.0.0.1:8000/readyz || { tail -n 5 /root/*.log; exit 1; }
curl --silent --fail --output /dev/null http://127.0.0.1:8000/studio/
"""


def main(arguments: list[str] | None = None) -> int:
    """Make the host and return 0 when it works."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("/var/tmp/reelyard-try"), help="where trees are made")  # noqa: S108
    chosen = parser.parse_args(arguments)
    if not can_make_trees():
        return 2
    chosen.work.mkdir(parents=True, exist_ok=True)
    tree = make_host(make_base(chosen.work / "base"), chosen.work / "api-host")
    try:
        (tree / "root/type.sh").write_text(script(PAGE.read_text()))
        alone = ["unshare", "--pid", "--fork", "--kill-child"]  # what was started ends with it
        environ = {**ENVIRON, "NODE_EXTRA_CA_CERTS": ENVIRON["PIP_CERT"]}
        done = subprocess.run([*alone, *on_host(tree), "bash", "/root/type.sh"], env=environ, check=False)
        say("the host works" if done.returncode == 0 else f"the host does NOT work: {done.returncode}")
        return done.returncode
    finally:
        shutil.rmtree(tree)


def script(page: str) -> str:
    """Return what is typed: the page's blocks in their order, with what starts the processes before the last one."""
    blocks = dict(zip(STEPS, (textwrap.dedent(found[1]) for found in BLOCK.finditer(page)), strict=True))
    blocks["settings"] += "pg_ctlcluster $(ls /etc/postgresql) main start\n"
    blocks["look"] = START + blocks["look"]
    typed = "\n".join(["set -eu", "cd /root/reelyard", *blocks.values(), "kill $(jobs -p)"])
    for there, here in BY_HAND.items():
        if there not in typed:
            raise ValueError(f"the page does not say {there!r} any more")
        typed = typed.replace(there, here)
    return typed


if __name__ == "__main__":
    sys.exit(main())
