"""Sound by VLC: python-vlc over the libvlc of the host."""

from __future__ import annotations

from typing import Any

from tasks.errors import ConfigurationError

MOST_BESIDE = 16
"""The most sounds that are heard beside the player at once; the oldest gives way."""

MISSING = "VLC is not there (Debian: vlc-bin vlc-plugin-base)"


def load_vlc() -> Any:
    """Return the module of VLC; raise ConfigurationError ``output.missing`` where VLC is not installed."""
    try:
        import vlc
    except (ImportError, OSError, NameError) as error:  # its loader tries many names for the library
        raise ConfigurationError("output.missing", f"{MISSING}: {error}") from error
    if not hasattr(vlc.dll, "libvlc_new"):  # where it finds none, it takes this program itself for the library
        raise ConfigurationError("output.missing", MISSING)
    return vlc


class VlcOutput:
    """An output by VLC.

    :param options: of libvlc, as ``--aout=dummy``.
    """

    def __init__(self, *options: str) -> None:
        vlc = load_vlc()
        self._ended = (vlc.State.Stopped, vlc.State.Ended, vlc.State.Error)
        self._vlc = vlc.Instance("--no-video", "--quiet", *options)
        if self._vlc is None:
            raise ConfigurationError("output.missing", "VLC does not start; its plugins may be missing")
        self._player = self._vlc.media_player_new()
        self._volume = 100
        self._beside: list[Any] = []

    def play(self, url: str, at_s: float) -> None:
        """Play what is behind a URL from a place on, in place of what is on."""
        media = self._vlc.media_new(url, f":start-time={at_s:.3f}")
        self._player.set_media(media)
        media.release()
        self._player.play()
        self._player.audio_set_volume(self._volume)

    def resume(self) -> None:
        """Play on."""
        self._player.set_pause(0)

    def pause(self) -> None:
        """Stand still."""
        self._player.set_pause(1)

    def seek(self, at_s: float) -> None:
        """Go to a place."""
        self._player.set_time(round(at_s * 1000))

    def stop(self) -> None:
        """Be silent, also beside."""
        self._player.stop()
        for player in self._beside:
            player.stop()
            player.release()
        self._beside.clear()

    def play_beside(self, url: str) -> None:
        """Play something at once, beside what is on."""
        self._forget_ended(room=1)
        player = self._vlc.media_player_new()
        media = self._vlc.media_new(url)
        player.set_media(media)
        media.release()
        player.play()
        player.audio_set_volume(self._volume)
        self._beside.append(player)

    def set_volume(self, volume: int) -> None:
        """Set the volume, 0 to 100."""
        self._volume = volume
        for player in (self._player, *self._beside):
            player.audio_set_volume(volume)

    def position_s(self) -> float | None:
        """Return where the sound is; None when nothing is on, or not yet."""
        at_ms = self._player.get_time()
        return at_ms / 1000 if at_ms > 0 else None

    @property
    def beside(self) -> int:
        """How many sounds are heard beside the player."""
        self._forget_ended()
        return len(self._beside)

    def close(self) -> None:
        """Be silent for good, and give everything back."""
        self.stop()
        self._player.release()
        self._vlc.release()

    def _forget_ended(self, *, room: int = 0) -> None:
        """Give back what has ended, and the oldest of the others until there is room for so many more."""
        alive = [player for player in self._beside if player.get_state() not in self._ended]
        kept = alive[max(0, len(alive) + room - MOST_BESIDE) :]
        for player in self._beside:
            if player not in kept:
                player.stop()
                player.release()
        self._beside = kept
