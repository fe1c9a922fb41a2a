"""Sound made anew: the source's own with music under it, faded, brought to a loudness (EBU R 128).

Each mix reads its files itself and gives 48 kHz stereo from the media's time zero to its end, so that writing pulls as
much as the picture has come to. Loudness takes two readings, three where the peaks forbid one gain for all.
"""

from __future__ import annotations

import gc
import json
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import av.filter
from av.container import InputContainer
from av.filter.context import FilterContext

from render_node.filters import Step, chain
from tasks.contracts import SoundOutput
from tasks.errors import PermanentError
from tasks.media.container import media_start, open_media, packets_of
from tasks.media.limits import MediaLimits

RATE, LAYOUT = 48000, "stereo"
FORM = f"sample_rate={RATE}:sample_fmt=fltp:channel_layout={LAYOUT}:time_base=1/{RATE}"
EVEN = ("aformat", f"sample_fmts=fltp:sample_rates={RATE}:channel_layouts={LAYOUT}")
LEVEL_LUFS = -20.0
"""Speech is brought to this level before it makes the music give way, however loud it was recorded."""
RELEASE_MS, ATTACK_MS, RATIO = 450, 20, 20
MAX_CORRECTION_LU = 3.0
TICK_EVERY = 100


@dataclass(frozen=True)
class SoundFiles:
    """Where the sound comes from; ``speech`` None when the source has none.

    :param duration_s: length of what is made.
    """

    speech: Path | None
    music: Path | None
    duration_s: float
    limits: MediaLimits = field(default_factory=MediaLimits)


@dataclass(frozen=True)
class Loudness:
    """What was measured: LUFS, dBTP, LU; ``threshold`` is the gate in LUFS."""

    integrated: float
    true_peak: float
    spread: float
    threshold: float


@dataclass(frozen=True)
class SoundPlan:
    """A mix whose every number is known.

    :param speech: the speech's own loudness, :param before: that of the mix, :param target_lufs: what is asked of the
        filter, which misses a little where it must hold peaks down.
    """

    files: SoundFiles
    sound: SoundOutput
    speech: Loudness | None = None
    before: Loudness | None = None
    target_lufs: float = 0.0
    is_linear: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what the receipt says."""
        if self.before is None:
            return {}
        return {
            "loudness_before_lufs": self.before.integrated,
            "true_peak_before_dbtp": self.before.true_peak,
            "loudness_target_lufs": self.sound.loudness_lufs,
            "loudness_by": "gain" if self.is_linear else "gain and limiter",
        }


def plan_sound(files: SoundFiles, sound: SoundOutput, *, tick: Callable[[], None] | None = None) -> SoundPlan:
    """Measure what must be known before the mix can be made; reads the files once to three times.

    :param tick: called now and then; what it raises ends the measuring.
    Raises ``render.sound_unsupported`` when music is asked for that is not there, ``media.*`` for files that cannot be
    read.
    """
    if sound.music is not None and files.music is None:
        raise PermanentError("render.sound_unsupported", "The output asks for music, but there is none to mix")
    plan = SoundPlan(files, sound)
    if sound.music is not None and sound.music.duck_db and files.speech is not None:
        plain = SoundPlan(replace(files, music=None), SoundOutput())
        plan = replace(plan, speech=measure(plain, tick=tick))
    if sound.loudness_lufs is None:
        return plan
    before = measure(plan, tick=tick)
    if not math.isfinite(before.integrated):
        return plan  # silence stays silence
    gain = sound.loudness_lufs - before.integrated
    is_linear = before.true_peak + gain <= sound.true_peak_dbtp
    plan = replace(plan, before=before, target_lufs=sound.loudness_lufs, is_linear=is_linear)
    if is_linear:
        return plan
    missed = sound.loudness_lufs - measure(plan, tick=tick).integrated
    return replace(plan, target_lufs=plan.target_lufs + max(-MAX_CORRECTION_LU, min(MAX_CORRECTION_LU, missed)))


def measure(plan: SoundPlan, *, tick: Callable[[], None] | None = None) -> Loudness:
    """Return the loudness of a mix."""
    with tempfile.TemporaryDirectory(prefix="reelyard-loudness-") as folder:
        stats = Path(folder) / "stats.json"
        for number, _ in enumerate(iter_sound(plan, meter=("loudnorm", f"print_format=json:stats_file={stats}"))):
            if tick is not None and number % TICK_EVERY == 0:
                tick()
        gc.collect()  # the filter writes its numbers when its graph is let go
        numbers = json.loads(stats.read_text())
    return Loudness(*(float(numbers[f"input_{name}"]) for name in ("i", "tp", "lra", "thresh")))


def iter_sound(plan: SoundPlan, *, meter: Step | None = None) -> Iterator[av.AudioFrame]:
    """Yield the mix as 48 kHz stereo frames with times from the media's start, as long as the files say."""
    with ExitStack() as stack:
        mixer = Mixer(plan, meter)
        sources = [stack.enter_context(source) for source in mixer.open_sources()]
        yield from mixer.run(sources)


class Source:
    """A file's sound as 48 kHz stereo frames; use as a context manager.

    :param loop: begin again at the end, until ``stop_s``.
    """

    def __init__(self, path: Path, entry: FilterContext, *, loop: bool, files: SoundFiles) -> None:
        self._path, self.entry, self._loop, self._files = path, entry, loop, files
        self.reached_s = 0.0
        self._stack = ExitStack()
        self._frames: Iterator[av.AudioFrame] = iter(())

    def __enter__(self) -> Source:
        container = self._stack.enter_context(open_media(self._path, self._files.limits))
        if not container.streams.audio:
            raise PermanentError("media.unsupported_audio", "The music file holds no sound")
        self._frames = self._play(container)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def feed(self) -> bool:
        """Push one frame into the graph; False at the end, which the graph then knows too."""
        frame = next(self._frames, None)
        if frame is None or self.reached_s >= self._files.duration_s:
            self.entry.push(None)
            return False
        assert frame.pts is not None
        self.reached_s = (frame.pts + frame.samples) / RATE
        self.entry.push(frame)
        return True

    def _play(self, container: InputContainer) -> Iterator[av.AudioFrame]:
        if not self._loop:
            yield from _decode(container)
            return
        made = 0
        while True:
            before = made
            for frame in _decode(container):
                frame.pts = made
                made += frame.samples
                yield frame
            if made == before:
                return
            container.seek(0)


def _decode(container: InputContainer) -> Iterator[av.AudioFrame]:
    """Yield frames with times counted from the media's start in samples; what cannot be decoded is a gap."""
    stream = container.streams.audio[0]
    zero = media_start(container)
    resampler = av.AudioResampler(format="fltp", layout=LAYOUT, rate=RATE)
    for packet in packets_of(container, stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            if frame.pts is not None and frame.time_base is not None:
                frame.pts -= round(zero / frame.time_base)
            yield from _timed(resampler.resample(frame))
    yield from _timed(resampler.resample(None))


def _timed(frames: list[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    for frame in frames:
        frame.pts = round((frame.pts or 0) * (frame.time_base or Fraction(1, RATE)) * RATE)
        frame.time_base = Fraction(1, RATE)
        yield frame


class Mixer:
    """The graph of one mix."""

    def __init__(self, plan: SoundPlan, meter: Step | None) -> None:
        self._plan = plan
        self._graph = av.filter.Graph()
        self._entries: list[tuple[Path, FilterContext, bool]] = []
        last = chain(self._graph, self._join(), *self._finish(meter))
        self._exit = self._graph.add("abuffersink")
        last.link_to(self._exit)
        self._graph.configure()

    def open_sources(self) -> list[Source]:
        """Return the files that feed the graph."""
        return [Source(path, entry, loop=loop, files=self._plan.files) for path, entry, loop in self._entries]

    def run(self, sources: list[Source]) -> Iterator[av.AudioFrame]:
        """Feed whichever file is behind and yield what comes out."""
        active = list(sources)
        while active:
            behind = min(active, key=lambda source: source.reached_s)
            if not behind.feed():
                active.remove(behind)
            yield from self._pull()

    def _pull(self) -> Iterator[av.AudioFrame]:
        while True:
            try:
                frame = self._exit.pull()
            except (BlockingIOError, EOFError):
                return
            assert isinstance(frame, av.AudioFrame)
            yield frame

    def _join(self) -> FilterContext:
        """Add the files and return the end of their mix."""
        files, music = self._plan.files, self._plan.sound.music
        speech = self._enter(files.speech, loop=False) if files.speech else None
        if music is None or files.music is None:
            assert speech is not None
            return speech
        under = self._enter(files.music, loop=music.loop, steps=(("volume", f"{music.gain_db}dB"),))
        if speech is None:
            return under
        if music.duck_db and self._plan.speech is not None:
            speech, under = self._duck(speech, under, music.duck_db, self._plan.speech)
        mix = self._graph.add("amix", "inputs=2:normalize=0:duration=longest:dropout_transition=0")
        speech.link_to(mix, 0, 0)
        under.link_to(mix, 0, 1)
        return mix

    def _enter(self, path: Path, *, loop: bool, steps: tuple[Step, ...] = ()) -> FilterContext:
        """Add a file, its gaps filled and its length that of the whole."""
        entry = self._graph.add("abuffer", FORM)
        self._entries.append((path, entry, loop))
        length = f"{self._plan.files.duration_s:.6f}"
        even = (("aresample", "async=1:first_pts=0"), EVEN, ("apad", f"whole_dur={length}"), ("atrim", f"end={length}"))
        return chain(self._graph, entry, *even, *steps)

    def _duck(
        self, speech: FilterContext, under: FilterContext, duck_db: float, loudness: Loudness
    ) -> tuple[FilterContext, FilterContext]:
        """Let the speech, at a level of our choosing, push the music down by about ``duck_db``."""
        split = chain(self._graph, speech, ("asplit", "2"))
        heard, watched = self._graph.add("anull"), self._graph.add("anull")
        split.link_to(heard, 0)
        split.link_to(watched, 1)
        level = 10 ** ((LEVEL_LUFS - loudness.integrated) / 20) if math.isfinite(loudness.integrated) else 1.0
        threshold = 10 ** ((LEVEL_LUFS - duck_db) / 20)
        settings = f"threshold={threshold:.6f}:ratio={RATIO}:attack={ATTACK_MS}:release={RELEASE_MS}:detection=rms"
        compressor = self._graph.add("sidechaincompress", f"{settings}:level_sc={min(max(level, 0.015625), 64):.6f}")
        under.link_to(compressor, 0, 0)
        watched.link_to(compressor, 0, 1)
        return heard, compressor

    def _finish(self, meter: Step | None) -> Iterator[Step]:
        sound, duration_s, plan = self._plan.sound, self._plan.files.duration_s, self._plan
        if sound.fade_in_s:
            yield "afade", f"type=in:duration={sound.fade_in_s}"
        if sound.fade_out_s:
            yield "afade", f"type=out:start_time={max(0.0, duration_s - sound.fade_out_s)}:duration={sound.fade_out_s}"
        if plan.before is not None:
            yield "loudnorm", _loudnorm(plan, plan.before)
            yield "aresample", str(RATE)
            yield EVEN
        if meter is not None:
            yield meter
        else:
            yield "asetnsamples", "1024:p=0"


def _loudnorm(plan: SoundPlan, before: Loudness) -> str:
    spread = 50.0 if plan.is_linear else max(7.0, min(20.0, before.spread))
    return ":".join(
        (
            f"I={max(-70.0, min(-5.0, plan.target_lufs)):.2f}",
            f"TP={plan.sound.true_peak_dbtp:.2f}",
            f"LRA={spread:.1f}",
            f"measured_I={before.integrated:.2f}",
            f"measured_TP={before.true_peak:.2f}",
            f"measured_LRA={before.spread:.2f}",
            f"measured_thresh={before.threshold:.2f}",
            f"linear={str(plan.is_linear).lower()}",
        )
    )
