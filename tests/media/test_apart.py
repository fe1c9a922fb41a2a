"""S-2, S-3: whatever decodes a stranger's file on a worker does it in a process apart, with what it found as before."""

from __future__ import annotations

import signal
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tasks.children import ChildGroup, children_of_attempt
from tasks.config import read_worker_settings
from tasks.errors import FencedError, PermanentError, TransientError
from tasks.media import apart
from tasks.media.apart import Budget, Errand, call, stream
from tasks.media.audio import iter_mono, read_header
from tasks.media.limits import MediaLimits, limits_of
from tasks.media.loudness import measure_loudness
from tasks.media.poster import extract_poster
from tasks.media.probe import probe_file
from tasks.music.options import MusicOptions
from tasks.sandbox import sandbox_problem
from tasks.speech.options import SpeechOptions
from tests.conftest import require
from tests.media.test_confined import SETTINGS
from tests.media_samples import make_video

pytestmark = pytest.mark.security("S-2")
HERE = "tests.media.errands"
"""Errands of the tests: only without bubblewrap, which does not show them."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("apart") / "a.mp4", width=64, height=48, duration_s=1.2)


@pytest.fixture(params=["off", "required"])
def walled(request: pytest.FixtureRequest) -> MediaLimits:
    """Limits that ask for a process apart, without bubblewrap and within it."""
    if request.param == "required":
        require(not sandbox_problem(), "bubblewrap")
    return MediaLimits(walls=request.param)


def test_workers_read_apart() -> None:
    assert limits_of(read_worker_settings(SETTINGS)).walls == "auto"
    assert limits_of(read_worker_settings({**SETTINGS, "REELYARD_SANDBOX": "required"})).walls == "required"


@pytest.mark.parametrize("options", [MusicOptions, SpeechOptions])
def test_commands_read_apart_as_workers_do(options: type[MusicOptions] | type[SpeechOptions]) -> None:
    chosen = {"REELYARD_SANDBOX": "required", "REELYARD_MAX_MEDIA_S": "60", "REELYARD_MAX_PIXELS": "1000000"}

    assert options.from_environment({}).limits == limits_of(read_worker_settings(SETTINGS))
    assert options.from_environment(chosen).limits == limits_of(read_worker_settings({**SETTINGS, **chosen}))


def test_what_is_found_apart_is_what_is_found_here(walled: MediaLimits, clip: Path, tmp_path: Path) -> None:
    here = MediaLimits()

    assert probe_file(clip, walled) == probe_file(clip, here)
    assert read_header(clip, walled) == read_header(clip, here)
    assert measure_loudness(clip, walled) == measure_loudness(clip, here)
    assert np.array_equal(np.concatenate([*iter_mono(clip, 16000, walled)]), np.concatenate([*iter_mono(clip, 16000)]))
    assert extract_poster(clip, tmp_path / "a.png", limits=walled) == extract_poster(clip, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_path_from_where_one_stands_is_read_as_well(
    walled: MediaLimits, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clip.parent)

    assert probe_file(Path(clip.name), walled) == probe_file(clip, MediaLimits())


@pytest.mark.parametrize("data", [b"", b"#EXTM3U\nfile:///etc/passwd\n", b"\0\0\0\x18ftypmp42" + bytes(40)])
def test_refusals_are_the_same(walled: MediaLimits, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.mp4"
    path.write_bytes(data)

    for read in (probe_file, read_header, lambda path, limits: list(iter_mono(path, 16000, limits))):
        codes = []
        for limits in (walled, MediaLimits()):
            with pytest.raises(PermanentError) as refused:
                read(path, limits)
            codes.append((refused.value.code, refused.value.detail))
        assert codes[0] == codes[1]


def test_whoever_stops_listening_ends_the_process(walled: MediaLimits, clip: Path) -> None:
    children = ChildGroup()
    with children_of_attempt(children):
        sound = iter_mono(clip, 192_000, walled)
        assert isinstance(sound, Generator)
        next(sound)
        [pid] = children._roots
        sound.close()

    assert children._roots == set()
    assert not Path(f"/proc/{pid}").exists()


def test_an_attempt_that_ended_starts_no_reader(clip: Path) -> None:
    children = ChildGroup()
    children.kill_all()

    with children_of_attempt(children), pytest.raises(FencedError):
        probe_file(clip, MediaLimits(walls="off"))


@pytest.mark.security("S-3")
@pytest.mark.parametrize(
    ("function", "code"),
    [
        ("crash", "media.damaged"),
        ("spin", "media.damaged"),
        ("swell", "media.damaged"),
        ("fill", "media.reader_failed"),
        ("kill", "node.out_of_memory"),
        ("babble", "media.reader_failed"),
        ("promise", "media.reader_failed"),
        ("nothing", "media.reader_failed"),
        ("link", "media.reader_failed"),
    ],
)
def test_a_reader_that_misbehaves_harms_itself_alone(function: str, code: str, clip: Path, tmp_path: Path) -> None:
    budget = Budget(memory_bytes=1 << 30, cpu_s=1, file_bytes=1 << 20)
    errand = Errand(f"{HERE}:{function}", clip, MediaLimits(walls="off"), budget=budget, target=tmp_path / "out")

    with pytest.raises((PermanentError, TransientError)) as refused:
        call(errand)

    assert refused.value.code == code
    assert not (tmp_path / "out").exists()


def test_sound_that_is_none_or_never_ends_is_refused(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = MediaLimits(walls="off", max_duration_s=2)
    for function in ("endless", "not_numbers"):
        errand = Errand(f"{HERE}:{function}", clip, limits)
        monkeypatch.setattr("tasks.media.audio.stream", lambda _, errand=errand: stream(errand))
        with pytest.raises(PermanentError) as refused:
            list(iter_mono(clip, 16000, limits))
        assert refused.value.code == "media.damaged"


def test_a_call_that_the_kernel_forbids_counts_as_a_crash() -> None:
    assert signal.SIGSYS in apart._CRASHES
    assert replace(MediaLimits(), walls="auto").walls == "auto"
