"""The Compose files are what Compose takes, start every process with all it needs, and wall it in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from api.config import read_api_settings
from tasks.alive import VARIABLE
from tasks.config import read_worker_settings
from tasks.environment import VARIABLES
from tasks.fetching.wall import places
from tasks.names import POLICY, Queue
from tests.deploy.composition import (
    CARDS,
    EXAMPLE,
    FILES,
    OPEN,
    OURS,
    PROXIES,
    example,
    networks_of,
    read_compose,
    seconds_of,
    services,
    variables_of,
)
from tests.deploy.fetchers import WALL, fetches
from tests.deploy.manifests import ALIVE_COMMAND, ROOT, queues_of, read_image
from tests.deploy.programs import judge

API_SIDE = ("api", "engine", "control", "migrate")
ALIVE = ["CMD", *ALIVE_COMMAND]
WORKERS = ("cpu", "transcription", *CARDS)
WALLED = ("engine", "cpu")
"""What fetches."""
PROXY = "http://wall:3128"
SETTINGLESS = {"flower", "wall"}
"""Read no settings of ours."""
OVERLAID = services(*FILES)


@pytest.mark.parametrize("name", [*FILES, OPEN])
def test_the_schema_of_compose_accepts_the_file(name: str) -> None:
    done = judge("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / name))

    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_a_word_that_compose_does_not_know_would_be_found(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text((ROOT / FILES[0]).read_text().replace("stop_grace_period", "stop_grace"))

    assert judge("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(wrong)).returncode == 1


def test_the_example_lists_the_very_variables_that_the_files_ask_for() -> None:
    assert set(example()) == set().union(*(variables_of(name) for name in FILES))


def test_without_secrets_nothing_starts() -> None:
    text = (ROOT / FILES[0]).read_text()
    with pytest.raises(KeyError):
        read_compose(FILES[0], {})
    needed = {name for name in example() if f"${{{name}:?" in text}
    assert needed >= {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "REELYARD_JWT_SECRET", "REELYARD_CALLBACK_SECRET"}


@pytest.mark.parametrize("files", [FILES[:1], FILES], ids=["cpu", "gpu"])
def test_every_queue_has_a_consumer_that_may_end_its_longest_step(files: tuple[str, ...]) -> None:
    served: list[str] = []
    for name, service in services(*files).items():
        queues = queues_of(service.get("command", []))
        served += [] if "profiles" in service else queues
        if queues:
            longest_s = max(policy.hard_limit_s for policy in POLICY.values() if policy.queue.value in queues)
            assert longest_s < seconds_of(service["stop_grace_period"]) <= longest_s + 300, name

    assert sorted(served) == sorted(queue.value for queue in Queue), "two engines would share a queue"


def test_every_card_has_a_render_worker_of_its_own() -> None:
    found = {name: service for name, service in OVERLAID.items() if queues_of(service.get("command", [])) == {"render"}}

    assert tuple(found) == CARDS
    for number, service in enumerate(found.values()):
        ((device,),) = [service["deploy"]["resources"]["reservations"]["devices"]]
        assert device["device_ids"] == [str(number)]
        assert {"gpu", "video"} <= set(device["capabilities"])
        assert service.get("profiles", []) == [f"gpus-{count}" for count in range(number + 1, 5) if number]
        assert service["environment"]["REELYARD_GPU"] == 0
        assert service["command"] == found["render"]["command"]
    folders = [service["environment"]["REELYARD_LOCK_DIR"] for service in found.values()]
    assert len(set(folders)) == len(folders), "cards that are all number 0 would share their sessions"


@pytest.mark.parametrize("name", sorted(OURS - SETTINGLESS))
def test_every_process_starts_with_its_environment(name: str) -> None:
    environ = {key: str(value) for key, value in OVERLAID[name]["environment"].items()}

    assert {key for key in environ if key not in VARIABLES} == {"HOME", *(PROXIES if name in WALLED else ())}
    if name in API_SIDE:
        assert read_api_settings(environ).env == "production"
    else:
        assert read_worker_settings(environ).scratch_dir == "/scratch"
        assert not {"DATABASE_URL", "REELYARD_JWT_SECRET", "REELYARD_WEBHOOK_KEY"} & set(environ)


@pytest.mark.parametrize("name", sorted(OURS - SETTINGLESS))
def test_what_is_not_named_can_be_given_in_a_file(name: str) -> None:
    files = [entry["path"] for entry in OVERLAID[name]["env_file"]]

    api_side = ["deploy/worker.env", "deploy/api.env"]
    assert files == (api_side if name in API_SIDE else ["deploy/worker.env"])
    assert "deploy/*.env" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("name", sorted(OURS))
def test_nothing_of_ours_writes_its_image_or_gains_rights(name: str) -> None:
    service = OVERLAID[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"][0] == "no-new-privileges:true"
    assert service["tmpfs"] == ["/tmp:mode=1777"]
    assert service["environment"]["HOME"] == "/tmp"
    profiles = [option for option in service["security_opt"] if option.startswith("seccomp=")]
    assert profiles == (["seccomp=deploy/docker/seccomp.json"] if name in WORKERS else [])


@pytest.mark.parametrize("name", ["postgres", "redis", "storage", "api", "flower", "wall"])
def test_who_answers_calls_is_asked_whether_it_does(name: str) -> None:
    assert OVERLAID[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@pytest.mark.parametrize("name", ["engine", "control", *WORKERS])
def test_who_only_works_is_asked_for_a_sign_of_it(name: str) -> None:
    check = OVERLAID[name]["healthcheck"]

    assert check["test"] == ALIVE
    assert seconds_of(check["interval"]) > seconds_of(check["timeout"])
    image = read_image(ROOT / OVERLAID[name]["build"]["dockerfile"])
    assert Path(image.environ[VARIABLE]).parent == Path("/tmp"), "nothing else can be written"


def test_the_api_is_asked_for_readiness_and_flower_under_its_prefix() -> None:
    assert "http://127.0.0.1:8000/readyz" in OVERLAID["api"]["healthcheck"]["test"][-1]
    assert "http://127.0.0.1:5555/flower/healthcheck" in OVERLAID["flower"]["healthcheck"]["test"][-1]
    assert "--url_prefix=flower" in (ROOT / "deploy/docker/flower.Dockerfile").read_text()


def test_every_image_is_a_variable_with_a_version() -> None:
    for name in FILES:
        lines = [line.strip() for line in (ROOT / name).read_text().splitlines() if line.strip().startswith("image:")]
        assert lines
        for line in lines:
            assert re.fullmatch(r"image: \$\{[A-Z]+_IMAGE:-[\w./-]+:(?!latest)[\w.-]+\}", line), line


def test_volumes_that_are_named_exist() -> None:
    declared = set(read_compose(FILES[0])["volumes"])
    named = {
        volume.split(":")[0]
        for service in OVERLAID.values()
        for volume in service.get("volumes", ())
        if not volume.startswith((".", "/"))
    }

    assert named == declared


@pytest.mark.parametrize("files", [FILES[:1], FILES], ids=["cpu", "gpu"])
def test_what_fetches_has_no_way_out_but_the_wall(files: tuple[str, ...]) -> None:
    found, networks = services(*files), read_compose(FILES[0])["networks"]
    inner = {name for name, wanted in networks.items() if wanted.get("internal")}
    fetching = {name for name, service in found.items() if fetches(service.get("command", []))}

    assert (fetching, inner) == (set(WALLED), {"inner"})
    for name in fetching:
        assert networks_of(found[name]) == inner, name
        assert not {"network_mode", "extra_hosts", "dns"} & set(found[name]), name
        environment = found[name]["environment"]
        assert {environment[key] for key in ("REELYARD_FETCH_PROXY", "HTTPS_PROXY", "HTTP_PROXY")} == {PROXY}
        straight = set(environment["NO_PROXY"].split(",")) - {"", "localhost", "127.0.0.1"}
        assert straight == {name for name, one in found.items() if networks_of(one) > inner} - {"wall"}
    assert found["engine"]["environment"]["REELYARD_SMTP_PROXY"] == PROXY


def test_the_wall_is_the_one_thing_between_both_networks_that_passes_anything_on() -> None:
    wall = OVERLAID["wall"]
    both = {name for name, service in OVERLAID.items() if networks_of(service) == {"inner", "default"}}

    assert both == {"wall", "postgres", "redis", "storage", "api"}
    assert wall["command"][:3] == ["python", "-m", WALL]
    assert "ports" not in wall and set(wall["environment"]) == {"HOME"} and "env_file" not in wall
    told = {"REELYARD_SMTP_HOST": "mail.example.com", "REELYARD_WALL_ALSO": "bucket.example.com:9000"}
    command = read_compose(FILES[0], {**dict.fromkeys(example(), "x"), **told})["services"]["wall"]["command"]
    assert places(command[-1]) == ["mail.example.com:465", "mail.example.com:587", "bucket.example.com:9000"]
    assert places(wall["command"][-1]) == []


def test_one_file_takes_the_wall_away() -> None:
    opened = services(*FILES, OPEN)

    for name in WALLED:
        assert "default" in networks_of(opened[name])
        environ = {key: str(value) for key, value in opened[name]["environment"].items()}
        assert {environ[key] for key in ("HTTPS_PROXY", "HTTP_PROXY")} == {""}
        read: Any = read_worker_settings(environ) if name == "cpu" else read_api_settings(environ)
        assert (read.fetch_proxy if name == "cpu" else read.webhooks.proxy + read.mail.proxy) == ""
    assert {name for name in opened if opened[name] != OVERLAID[name]} == set(WALLED)


def test_the_profile_refuses_what_touches_the_host_and_lets_walls_be_built() -> None:
    profile: dict[str, Any] = json.loads((ROOT / "deploy/docker/seccomp.json").read_text())
    refused = {name for rule in profile["syscalls"] for name in rule["names"] if rule["action"] == "SCMP_ACT_ERRNO"}

    assert profile["defaultAction"] == "SCMP_ACT_ALLOW"
    assert {"kexec_load", "init_module", "bpf", "perf_event_open", "keyctl", "open_by_handle_at", "reboot"} <= refused
    assert not {"clone", "clone3", "unshare", "setns", "mount", "umount2", "pivot_root", "chroot"} & refused


def test_the_example_has_no_value_for_any_secret() -> None:
    secret = [name for name in example() if name.endswith(("PASSWORD", "SECRET", "_KEY", "TOKEN"))]

    assert len(secret) >= 8
    assert [name for name in secret if example()[name]] == []
    assert EXAMPLE.name == "env.example"
