"""Sound that is made anew: measured loudness, music that gives way, fades, lengths."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from render_node.render import Extras, render_files
from render_node.sound import Loudness, SoundFiles, SoundPlan, iter_sound, measure, plan_sound
from tasks.contracts import MusicMix, RenderOutput, SoundOutput
from tasks.errors import FencedError, InvalidInputError
from tests.media_samples import make_tone, make_video
from tests.render.test_outputs import HEIGHT, WIDTH, boxed
from tests.render.test_render import audio_of, settings_of

RATE = 48000
OUTPUT = RenderOutput(encoder="libx264", preset="ultrafast")


def write_wav(path: Path, samples: np.ndarray[Any, Any]) -> Path:
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes((np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes())
    return path


def babble(path: Path, *, level: float = 0.05, peaks: float = 0.0, seconds: int = 6) -> Path:
    """Write noise in bursts, half a second each, as speech comes; ``peaks`` adds a click to each burst."""
    random = np.random.default_rng(7)
    samples = random.normal(0, level, RATE * seconds)
    samples[np.arange(len(samples)) % RATE >= RATE // 2] = 0
    samples[RATE // 4 :: RATE] = peaks or samples[RATE // 4 :: RATE]
    return write_wav(path, samples)


def samples_of(plan: SoundPlan) -> np.ndarray[Any, Any]:
    return np.concatenate([frame.to_ndarray() for frame in iter_sound(plan)], axis=1)


def loudness_of(path: Path) -> Loudness:
    """Measure a finished file by itself."""
    return measure(SoundPlan(SoundFiles(path, None, 6.0), SoundOutput()))


def level_db(samples: np.ndarray[Any, Any], hertz: float) -> float:
    """Return the level of one tone."""
    times = np.arange(samples.shape[-1]) / RATE
    return float(20 * np.log10(2 * abs(np.mean(samples[0] * np.exp(-2j * np.pi * hertz * times))) + 1e-9))


class TestLoudness:
    @pytest.mark.parametrize(("target", "peaks"), [(-14.0, 0.0), (-23.0, 0.0), (-14.0, 0.9)])
    def test_reaches_its_target_and_stays_below_the_peak(self, tmp_path: Path, target: float, peaks: float) -> None:
        files = SoundFiles(babble(tmp_path / "in.wav", peaks=peaks), None, 6.0)
        plan = plan_sound(files, SoundOutput(loudness_lufs=target))
        after = measure(plan)
        assert abs(after.integrated - target) <= 0.5
        assert after.true_peak <= -1.0 + 0.1
        assert plan.is_linear == (peaks == 0.0)

    def test_silence_stays_silence(self, tmp_path: Path) -> None:
        files = SoundFiles(make_tone(tmp_path / "in.wav", duration_s=2, hertz=0), None, 2.0)
        plan = plan_sound(files, SoundOutput(loudness_lufs=-14.0))
        assert (plan.before, np.abs(samples_of(plan)).max()) == (None, 0.0)

    def test_measuring_can_be_cancelled(self, tmp_path: Path) -> None:
        def cancel() -> None:
            raise FencedError("job.cancelled", "cancelled")

        files = SoundFiles(babble(tmp_path / "in.wav"), None, 6.0)
        with pytest.raises(FencedError):
            plan_sound(files, SoundOutput(loudness_lufs=-14.0), tick=cancel)


class TestMusic:
    def test_gives_way_to_speech_and_comes_back(self, tmp_path: Path) -> None:
        random = np.random.default_rng(3)
        speech = np.concatenate([np.zeros(RATE * 3), random.normal(0, 0.05, RATE * 3), np.zeros(RATE * 3)])
        files = SoundFiles(
            write_wav(tmp_path / "speech.wav", speech), make_tone(tmp_path / "music.wav", duration_s=2, hertz=600), 9.0
        )
        mixed = samples_of(plan_sound(files, SoundOutput(music=MusicMix(gain_db=0, duck_db=12))))
        before, during, after = (level_db(mixed[:, RATE * a : RATE * (a + 1)], 600) for a in (1, 4, 8))
        assert mixed.shape == (2, RATE * 9)  # music of two seconds began again, four times
        assert 9 <= before - during <= 15
        assert abs(before - after) <= 0.5

    def test_without_ducking_it_keeps_its_level(self, tmp_path: Path) -> None:
        music = make_tone(tmp_path / "music.wav", duration_s=2, hertz=600)
        files = SoundFiles(babble(tmp_path / "in.wav"), music, 6.0)
        mixed = samples_of(plan_sound(files, SoundOutput(music=MusicMix(gain_db=-6, duck_db=0, loop=False))))
        alone = samples_of(plan_sound(SoundFiles(music, None, 6.0), SoundOutput()))
        assert level_db(mixed[:, : RATE * 2], 600) == pytest.approx(level_db(alone[:, : RATE * 2], 600) - 6, abs=0.5)
        assert level_db(mixed[:, RATE * 3 :], 600) < -50

    def test_fades_begin_and_end_in_silence(self, tmp_path: Path) -> None:
        files = SoundFiles(make_tone(tmp_path / "in.wav", duration_s=4), None, 4.0)
        made = samples_of(plan_sound(files, SoundOutput(fade_in_s=1.0, fade_out_s=1.0)))
        loud = np.abs(made[0]).reshape(-1, RATE // 20).max(axis=1)  # twentieths of a second
        assert loud[0] < 0.1 * loud[40] and loud[-1] < 0.1 * loud[40]
        assert loud[10] == pytest.approx(loud[40] / 2, rel=0.15) and loud[21:59].min() > 0.95 * loud[40]


@pytest.mark.usefixtures("chromium")
class TestWholeOutputs:
    def test_outputs_differ_in_sound_alone(self, tmp_path: Path) -> None:
        wav = babble(tmp_path / "speech.wav")
        source = make_video(tmp_path / "in.mp4", width=WIDTH, height=HEIGHT, fps=10, duration_s=6, audio=wav)
        music = make_tone(tmp_path / "music.wav", duration_s=3, hertz=600)
        sounds = {
            "kept.mp4": SoundOutput(),
            "even.mp4": SoundOutput(loudness_lufs=-16.0),
            "mixed.webm": SoundOutput(loudness_lufs=-16.0, music=MusicMix()),
            "mute.mp4": SoundOutput(mute=True),
        }
        outputs = [
            (tmp_path / name, RenderOutput(container="webm", preset="ultrafast", sound=sound))
            if name.endswith("webm")
            else (tmp_path / name, RenderOutput(encoder="libx264", preset="ultrafast", sound=sound))
            for name, sound in sounds.items()
        ]
        receipts = render_files(source, boxed(), outputs, settings=settings_of(), extras=Extras(music=music))
        assert [receipt.audio for receipt in receipts] == ["copy", "aac", "opus", "none"]
        assert audio_of(tmp_path / "kept.mp4") == audio_of(source)
        for name, receipt in zip(sounds, receipts, strict=True):
            assert len(decoded_pictures(tmp_path / name)) == 60
            if receipt.audio in ("aac", "opus"):
                assert abs(loudness_of(tmp_path / name).integrated + 16.0) <= 0.5
                assert abs(receipt.checks["audio_minus_video_s"]) <= 0.03
                assert receipt.checks["loudness_target_lufs"] == -16.0

    def test_music_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        source = make_video(tmp_path / "in.mp4", width=WIDTH, height=HEIGHT, duration_s=0.5)
        wanted = [(tmp_path / "out.mp4", RenderOutput(sound=SoundOutput(music=MusicMix())))]
        with pytest.raises(InvalidInputError) as refused:
            render_files(source, boxed(), wanted, settings=settings_of())
        assert refused.value.code == "render.sound_unsupported"
        assert not (tmp_path / "out.mp4").exists()


def decoded_pictures(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))
