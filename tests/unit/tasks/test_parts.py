"""Small parts of the runtime: progress, throttle, failpoints, scratch, children, file names."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
import unicodedata
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.children import ChildGroup
from tasks.client import backoff_s
from tasks.errors import FencedError, TransientError
from tasks.failpoints import failpoint
from tasks.progress import ProgressTracker, Throttle
from tasks.scratch import scratch_directory, sweep_scratch
from tasks.storage.disposition import content_disposition
from tests.conftest import IN_CI


def test_stages_share_the_step_by_their_weights() -> None:
    tracker = ProgressTracker()
    tracker.plan({"download": 1, "frames": 8, "upload": 1})

    fractions = [
        tracker.update(done, total, stage=stage, unit="").fraction
        for stage, done, total in [
            ("download", 5, 10),
            ("download", 10, 10),
            ("frames", 50, 100),
            ("upload", 0, 1),
            ("upload", 1, 1),
        ]
    ]

    assert fractions == [0.05, 0.1, 0.5, 0.9, 1.0]


def test_progress_never_falls_and_survives_an_unknown_total() -> None:
    tracker = ProgressTracker()

    fractions = [tracker.update(*step, stage="", unit="").fraction for step in [(3, 4), (1, 4), (5, 0), (9, 4)]]

    assert fractions == [0.75, 0.75, 0.75, 1.0]


def test_throttle_lets_one_through_per_interval() -> None:
    now = [0.0]
    throttle = Throttle(1.0, clock=lambda: now[0])
    passed = []
    for moment in (0.0, 0.5, 0.99, 1.0, 1.5, 3.0):
        now[0] = moment
        passed.append(throttle.ready())

    assert passed == [True, False, False, True, False, True]


def test_pauses_double_up_to_a_limit() -> None:
    pauses = [backoff_s(attempt) for attempt in (1, 2, 3, 50, 5000)]

    for pause, longest in zip(pauses, (0.25, 0.5, 1.0, 5.0, 5.0), strict=True):
        assert longest / 2 <= pause <= longest


def test_failpoints_do_nothing_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REELYARD_FAILPOINTS", raising=False)
    failpoint("after_claim")
    monkeypatch.setenv("REELYARD_FAILPOINTS", "before_upload=raise")

    failpoint("after_claim")

    with pytest.raises(TransientError, match="before_upload"):
        failpoint("before_upload")


def test_failpoint_may_be_limited_to_one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELYARD_FAILPOINTS", "after_claim#2=raise")
    failpoint("after_claim", attempt=1)

    with pytest.raises(TransientError):
        failpoint("after_claim", attempt=2)


def test_unknown_failpoint_action_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELYARD_FAILPOINTS", "after_claim=explode")

    with pytest.raises(ValueError, match="explode"):
        failpoint("after_claim")


def test_scratch_is_gone_also_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), scratch_directory(str(tmp_path), "s1") as scratch:
        (scratch / "deep").mkdir()
        (scratch / "deep" / "file").write_bytes(b"x")
        raise KeyError

    assert list(tmp_path.iterdir()) == []


def test_sweep_takes_what_dead_owners_left_and_spares_the_living(tmp_path: Path) -> None:
    other = tmp_path / "somebody-elses"
    other.mkdir()
    dead = tmp_path / "reelyard-scratch-dead-x"
    dead.mkdir()
    (dead / ".lock").touch()
    young = tmp_path / "reelyard-scratch-young-x"
    with scratch_directory(str(tmp_path), "living") as living:
        removed = sweep_scratch(str(tmp_path), settle_s=0)
        young.mkdir()
        kept = sweep_scratch(str(tmp_path), settle_s=60)

        assert (removed, kept) == (1, 0)
        assert living.exists() and other.exists() and young.exists()
        assert not dead.exists()


def test_lock_of_a_scratch_directory_is_held_by_its_owner(tmp_path: Path) -> None:
    with (
        scratch_directory(str(tmp_path), "s1") as scratch,
        (scratch.parent / ".lock").open("w") as lock,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """No clean-up runs in a process that gets SIGKILL; the kernel does it."""
    note = tmp_path / "pid"
    script = (
        "import pathlib, time\n"
        "from tasks.children import ChildGroup\n"
        "child = ChildGroup().start(['sleep', '60'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[3])
    while not note.exists() or not note.read_text():
        time.sleep(0.02)
    child = int(note.read_text())
    assert Path(f"/proc/{child}").exists()

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    deadline = time.monotonic() + 2
    while Path(f"/proc/{child}/cmdline").exists() and time.monotonic() < deadline:
        if not Path(f"/proc/{child}/cmdline").read_bytes():  # a zombie that nobody has waited for yet
            break
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists() or not Path(f"/proc/{child}/cmdline").read_bytes()


def test_adopted_process_is_killed_and_no_child_starts_afterwards() -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    group = ChildGroup()
    group.adopt(stranger.pid)

    group.kill_all()

    assert stranger.wait(5) == -signal.SIGKILL
    with pytest.raises(FencedError):
        group.start(["true"])


def test_forgotten_process_is_left_alone() -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    group = ChildGroup()
    group.adopt(stranger.pid)
    group.forget(stranger.pid)

    group.kill_all()

    assert stranger.poll() is None
    os.kill(stranger.pid, signal.SIGKILL)
    stranger.wait()


@pytest.mark.security("S-5")
@settings(max_examples=2000 if IN_CI else 500, deadline=None)
@given(st.text(max_size=300) | st.from_regex(r"[.\\/%\r\n\x00\u202e\"';-]{1,20}(CON|aux|\.exe|\.mp4)?"))
def test_any_file_name_makes_a_header_of_one_harmless_line(name: str) -> None:
    check_header(name)


@pytest.mark.security("S-5")
def test_twenty_thousand_names_make_headers_of_one_harmless_line() -> None:
    """Drawn by hand, since Hypothesis takes a minute for as many."""
    chance = random.Random(5)
    pieces = [
        "..",
        "/",
        "\\",
        "%",
        "\r",
        "\n",
        "\0",
        "\u202e",
        '"',
        "'",
        ";",
        "-",
        "CON",
        "aux",
        ".exe",
        ".mp4",
        "é",
        "名",
        "😀",
    ]
    for _ in range(20_000):
        check_header("".join(chance.choices(pieces, k=chance.randint(0, 12))) + chr(chance.randint(0, 0xD7FF)) * 3)


def test_signs_that_fall_apart_into_slashes_do_not_reach_the_header() -> None:
    assert (
        content_disposition("a℅b⅓.mp4")
        == "attachment; filename=\"ac_ob13.mp4\"; filename*=UTF-8''a%E2%84%85b%E2%85%93.mp4"
    )


def check_header(name: str) -> None:
    header = content_disposition(name)

    assert header.startswith("attachment")
    assert header.isascii() and header.isprintable()
    assert len(header) < 2500
    quoted = header.split('filename="')[1].split('"')[0] if "filename=" in header else ""
    assert not set(quoted) & set('/\\:*?<>|"%')
    shown = unquote(header.partition("filename*=UTF-8''")[2]) or quoted
    assert not set(shown) & set('/\\:*?<>|"\r\n\0')
    assert content_disposition(shown) == header if shown else header == "attachment"


@pytest.mark.security("S-5")
@given(st.text(st.characters(whitelist_categories=("L", "N")), min_size=1, max_size=100))
def test_an_ordinary_name_comes_back_as_it_was(stem: str) -> None:
    name = f"{unicodedata.normalize('NFC', stem)}.mp4"

    header = content_disposition(name)

    shown = unquote(header.partition("filename*=UTF-8''")[2]) or header.split('"')[1]
    assert shown == name


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("../../etc/passwd", 'attachment; filename="_.._etc_passwd"'),
        ('a"; filename="b.exe', 'attachment; filename="a_; filename=_b.exe"'),
        ("x" * 300 + ".mp4", f'attachment; filename="{"x" * 146}.mp4"'),
    ],
)
def test_file_names_are_tamed(name: str, header: str) -> None:
    assert content_disposition(name) == header
