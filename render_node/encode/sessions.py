"""NVENC sessions of a card, counted over every process of the host, so that none asks for one that is not there.

A session is a lock on one of as many files as the card has sessions; the lock goes with its process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from render_node.encode.settings import EncoderChoice, choose_encoder
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput
from tasks.errors import PermanentError, TransientError
from tasks.gpu import card_of_slot

POLL_S = 0.2
LONGEST_WAIT_S = 600.0
IN_SOFTWARE = "libx264"


@dataclass(frozen=True)
class Card:
    """Where the sessions of one card are counted; ``limit`` 0 counts none."""

    name: str
    limit: int
    folder: Path

    def files(self) -> list[Path]:
        """Return the file of each session."""
        return [self.folder / f"nvenc-{self.name}-{number}.lock" for number in range(self.limit)]


def card_of(settings: WorkerSettings) -> Card:
    """Return the card of this slot."""
    folder = Path(settings.lock_dir or Path(tempfile.gettempdir()) / "reelyard-locks")
    name = card_of_slot(settings.gpu, os.environ.get("CUDA_VISIBLE_DEVICES"))
    return Card(name.replace("/", "-"), settings.nvenc_sessions, folder)


def choose_encoders(outputs: Sequence[RenderOutput], settings: WorkerSettings) -> list[EncoderChoice]:
    """Pick the encoder of each output; what goes beyond the sessions of the card is encoded in software, and says so.

    Raises as :func:`choose_encoder` does, also for an encoder that was named and finds no session.
    """
    left = settings.nvenc_sessions or len(outputs)
    choices = []
    for output in outputs:
        choice = choose(output, settings, configured=settings.encoder)
        if choice.is_hardware:
            if left == 0:
                choice = choose_without_session(output, settings)
            else:
                left -= 1
        choices.append(choice)
    return choices


def choose(output: RenderOutput, settings: WorkerSettings, *, configured: str) -> EncoderChoice:
    """Pick the encoder of one output on this slot."""
    return choose_encoder(output, configured=configured, gpu=settings.gpu, threads=settings.encoder_threads)


def choose_without_session(output: RenderOutput, settings: WorkerSettings) -> EncoderChoice:
    """Pick a software encoder and note why; raise ``render.encoder_unavailable`` where hardware was named."""
    reason = f"the card has {settings.nvenc_sessions} sessions, which other outputs of the order take"
    if output.encoder != "auto":
        raise PermanentError("render.encoder_unavailable", f"{output.encoder} cannot be used: {reason}")
    return replace(choose(output, settings, configured=IN_SOFTWARE), fallback_reason=reason)


@contextmanager
def hold_sessions(
    count: int, card: Card, *, tick: Callable[[], None] | None = None, longest_s: float = LONGEST_WAIT_S
) -> Iterator[None]:
    """Hold so many sessions for the block, all or none; wait while other processes have them.

    :param tick: called while it waits; what it raises ends the waiting.
    Raises TransientError ``node.encoder_busy`` after ``longest_s``.
    """
    give_up_at = time.monotonic() + longest_s
    with ExitStack() as held:
        while card.limit and not _lock(held, card, min(count, card.limit)):
            if time.monotonic() >= give_up_at:
                raise TransientError("node.encoder_busy", f"All {card.limit} sessions of the card are in use")
            if tick is not None:
                tick()
            time.sleep(POLL_S)
        yield


def _lock(held: ExitStack, card: Card, count: int) -> bool:
    """Lock so many files; none when there are not so many."""
    if count:
        card.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as taken:
        free = 0
        for path in card.files():
            free += free < count and _lock_one(taken, path)
        if free == count:
            held.push(taken.pop_all())
    return free == count


def _lock_one(taken: ExitStack, path: Path) -> bool:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    taken.callback(os.close, descriptor)
    return True
