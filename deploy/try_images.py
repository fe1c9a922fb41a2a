"""Build and start every image without a container engine: ``python -m deploy.try_images [api cpu …]``, as root.

Each Dockerfile's instructions are carried out in a fresh Debian tree made by debootstrap, with Python where the base
image has it. Then the image's own command is started in it, as its own user, beside PostgreSQL, Valkey and SeaweedFS:
the API has to answer ``/readyz`` and show the studio that a stage built, a worker has to answer a ping and show life,
Flower has to show its page; WhisperX and the parts of CUDA that it brings have to load. What this does not try is the
engine itself: layers, networks, read-only file systems, GPUs.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from cli.services.launcher import start_services
from cli.services.ports import pick_ports
from cli.system import ping_workers
from deploy.dockerfile import Image, Stage, apply, begin, read_stages

ROOT = Path(__file__).parents[1]
NAMES = ("api", "cpu", "render", "whisperx", "flower")
SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
PYTHON = "ca-certificates,python3,python3-venv,libexpat1"
AS_THE_HOST = ("etc/apt", "etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt")
"""What a container engine would set up, too: names, and where packages come from."""
UNSENT = ("__pycache__", "node_modules", "openapi.json", "schema.d.ts")
"""What ``.dockerignore`` keeps from the builder, though its folder is sent."""
READY_S = 120.0
LOADED = "import ctypes, whisperx; [ctypes.CDLL(name) for name in ('libcublas.so.12', 'libcudnn.so.9')]"
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


def main(arguments: list[str] | None = None) -> int:
    """Try the named images and return 0 when all work."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES, metavar="IMAGE")
    parser.add_argument("--work", type=Path, default=Path("/var/tmp/reelyard-try"), help="where trees are made")  # noqa: S108
    parser.add_argument("--keep", action="store_true", help="keep the trees of the images")
    chosen = parser.parse_args(arguments)
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        say("This wants root and debootstrap (apt-get install debootstrap)")
        return 2
    chosen.work.mkdir(parents=True, exist_ok=True)
    base = make_base(chosen.work / "base")
    with tempfile.TemporaryDirectory(prefix="reelyard-try-") as home:
        Path(home).chmod(0o755)
        with start_services(Path(home), environ={}, durable=False) as services:
            environ = {**settings(pick_ports(("api", "flower"), wanted={}, saved={})), **services.environ}
            return max(try_image(name, base, chosen.work, environ, keep=chosen.keep) for name in chosen.names)


def settings(ports: Mapping[str, int]) -> dict[str, str]:
    """Return what every process is told, with secrets made for this run and ports that nobody else has."""
    made = {name: secrets.token_hex(24) for name in ("REELYARD_JWT_SECRET", "REELYARD_CALLBACK_SECRET")}
    return {
        **made,
        "REELYARD_ENV": "local",
        "REELYARD_STORAGE_TYPE": "seaweedfs",
        "REELYARD_API_URL": f"http://127.0.0.1:{ports['api']}",
        "REELYARD_SCRATCH_DIR": "/scratch",
        "GUNICORN_BIND": f"127.0.0.1:{ports['api']}",
        "FLOWER": f"http://127.0.0.1:{ports['flower']}/flower/",
        "GUNICORN_THREADS": "8",
        "HOME": "/tmp",  # noqa: S108 - as in the Compose file
    }


def make_base(tree: Path) -> Path:
    """Make the tree that stands for ``python:3.11-slim-bookworm``, once."""
    if (tree / ".whole").exists():
        return tree
    shutil.rmtree(tree, ignore_errors=True)
    say(f"debootstrap {SUITE} in {tree}")
    run(["debootstrap", "--variant=minbase", f"--include={PYTHON}", SUITE, str(tree), MIRROR])
    for name in AS_THE_HOST:
        copy(Path("/") / name, tree / name)
    with mounted(tree):
        inside(tree, Image(environ={"PATH": PATH}), ["python3", "-m", "venv", "/usr/local"])
    (tree / ".whole").touch()
    return tree


def try_image(name: str, base: Path, work: Path, environ: Mapping[str, str], *, keep: bool) -> int:
    """Build one image and start it; return 0 when it works."""
    began, trees = time.monotonic(), dict[str, Path]()
    try:
        tree, image = build(ROOT / f"deploy/docker/{name}.Dockerfile", base, trees, work)
        say(f"{name}: built in {time.monotonic() - began:.0f} s")
        with mounted(tree):
            return TRIALS[name](tree, image, environ)
    finally:
        for made in () if keep else trees.values():
            shutil.rmtree(made)


def build(dockerfile: Path, base: Path, trees: dict[str, Path], work: Path) -> tuple[Path, Image]:
    """Carry out a Dockerfile, each stage in a tree of its own (put into ``trees``); return the last with its image."""
    images = dict[str, Image]()
    for stage in read_stages(dockerfile):
        tree = work / ".".join(filter(None, (dockerfile.stem, stage.name)))
        shutil.rmtree(tree, ignore_errors=True)
        trees[stage.name] = tree
        run(["cp", "-a", str(trees[stage.over] if stage.over else base), str(tree)])
        image = images[stage.name] = begin(stage, images, {"PATH": PATH})
        with mounted(tree):
            carry_out(stage, image, tree, trees)
    return tree, image


def carry_out(stage: Stage, image: Image, tree: Path, trees: Mapping[str, Path]) -> None:
    """Carry out a stage's instructions in its tree."""
    for word, rest in stage.instructions:
        apply(image, word, rest)
        if word == "WORKDIR":
            (tree / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif word == "COPY":
            *sources, target = rest.split()
            origin = trees[sources.pop(0).removeprefix("--from=")] if sources[0].startswith("--from=") else ROOT
            for source in sources:
                place = tree / image.folder.lstrip("/") / target
                copy(origin / source.lstrip("/"), place / Path(source).name if target.endswith("/") else place)
        elif word == "RUN":
            inside(tree, image, ["sh", "-ec", rest])


def try_api(tree: Path, image: Image, environ: Mapping[str, str]) -> int:
    """Migrate, start the API, ask ``/readyz`` and the studio's page."""
    inside(tree, image, ["python", "-m", "api.migrate", "upgrade"], environ)
    make_bucket(environ)
    with started(tree, image, environ) as process:
        url = environ["REELYARD_API_URL"]
        return told("api", process, lambda: is_ready(url) and shows_studio(url))


def is_ready(url: str) -> bool:
    """Ask the API whether it works."""
    return bool(httpx.get(f"{url}/readyz", timeout=2, trust_env=False).json().get("status") == "ready")


def shows_studio(url: str) -> bool:
    """Ask for the studio, and for the first script that its page names."""
    page = httpx.get(f"{url}/studio/", timeout=2, trust_env=False).text
    script = re.search(r'src="(/studio/assets/[^"]+)"', page)
    return script is not None and httpx.get(f"{url}{script[1]}", timeout=2, trust_env=False).status_code == 200


def try_worker(tree: Path, image: Image, environ: Mapping[str, str]) -> int:
    """Start a worker, ping it, and ask whether it is alive as Compose and Kubernetes do."""
    with started(tree, image, environ) as process:
        return told(tree.name, process, lambda: bool(ping_workers(environ["REDIS_URL"])) and is_alive(tree, image))


def is_alive(tree: Path, image: Image) -> bool:
    """Ask in the tree, as the image's user."""
    command = [*chroot(tree, image), "python", "-m", "tasks.alive"]
    return subprocess.run(command, env=image.environ, capture_output=True, check=False).returncode == 0


def try_whisperx(tree: Path, image: Image, environ: Mapping[str, str]) -> int:
    """Load WhisperX, and what CTranslate2 looks for once it has a GPU; then try the worker."""
    inside(tree, image, ["python", "-c", LOADED])
    return try_worker(tree, image, environ)


def try_flower(tree: Path, image: Image, environ: Mapping[str, str]) -> int:
    """Start Flower, on a port that is free here, and read its page."""
    url = environ["FLOWER"]
    image.command = [part.replace("5555", str(urlsplit(url).port)) for part in image.command]
    with started(tree, image, environ) as process:
        return told("flower", process, lambda: httpx.get(url, timeout=2, trust_env=False).status_code in (200, 401))


TRIALS: dict[str, Callable[[Path, Image, Mapping[str, str]], int]] = {
    "api": try_api,
    "cpu": try_worker,
    "render": try_worker,
    "whisperx": try_whisperx,
    "flower": try_flower,
}


def make_bucket(environ: Mapping[str, str]) -> None:
    """Make the bucket that the API asks for."""
    from cli.targets import storage_of
    from tasks.storage.s3 import S3Storage

    S3Storage(storage_of(environ)).ensure_bucket()


@contextmanager
def started(tree: Path, image: Image, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start what the image starts, as its user, and stop it as an engine would."""
    command = [*chroot(tree, image), *image.entrypoint, *image.command]
    with (tree.parent / f"{tree.name}.log").open("w") as log:
        process = subprocess.Popen(command, env={**environ, **image.environ}, stdout=log, stderr=log, text=True)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def told(name: str, process: subprocess.Popen[str], works: Callable[[], bool]) -> int:
    """Wait until the process works, say so and return 0; 1 when it does not."""
    began = time.monotonic()
    while time.monotonic() - began < READY_S and process.poll() is None:
        try:
            if works():
                say(f"{name}: works after {time.monotonic() - began:.1f} s")
                return 0
        except (httpx.HTTPError, ValueError):
            pass
        time.sleep(0.5)
    say(f"{name}: does NOT work; its log is beside its tree")
    return 1


def inside(tree: Path, image: Image, command: list[str], environ: Mapping[str, str] | None = None) -> None:
    """Run a command in a tree as root, in the image's folder."""
    root = Image(image.base, image.environ, image.folder)
    trusted = "/etc/ssl/certs/ca-certificates.crt"
    plain = {"PIP_CERT": trusted, "NODE_EXTRA_CA_CERTS": trusted, "DEBIAN_FRONTEND": "noninteractive"}
    run([*chroot(tree, root), *command], env={**plain, **(environ or {}), **image.environ})


@contextmanager
def mounted(tree: Path) -> Iterator[None]:
    """Have /proc and /dev/shm in a tree, as in a container; debootstrap made the other devices."""
    (tree / "dev/shm").mkdir(exist_ok=True)
    (tree / "dev/shm").chmod(0o1777)
    run(["mount", "-t", "proc", "proc", str(tree / "proc")])
    try:
        yield
    finally:
        run(["umount", "-l", str(tree / "proc")])


def chroot(tree: Path, image: Image) -> list[str]:
    """Return the beginning of a command that runs in a tree as the image's user in its folder."""
    step = ["/bin/sh", "-c", f'cd {image.folder} && exec "$@"', "sh"]
    return ["chroot", f"--userspec={image.user}", str(tree), *step]


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder over what is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*UNSENT))
    else:
        shutil.copyfile(source, target)


def run(command: list[str], env: Mapping[str, str] | None = None) -> None:
    """Run a command; end with its last words when it fails."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)[:200]} failed:\n{(done.stdout + done.stderr)[-3000:]}")


def say(line: str) -> None:
    """Tell a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
