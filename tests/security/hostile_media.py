"""Run as a process of its own: crafted and damaged files go through every way into FFmpeg, and nothing else is opened.

Prints what happened as JSON. Canaries: a file that the crafted ones name, watched by inotify, and a listening socket.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import socket
import struct
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import av

from tasks.errors import PermanentError
from tasks.media.audio import iter_speech_audio
from tasks.media.loudness import measure_loudness
from tasks.media.picture import clean_picture
from tasks.media.poster import extract_poster
from tasks.media.probe import probe_file
from tasks.media.sound_file import WAV_24, write_sound
from tasks.shorts.watching import WATCH_HEIGHT, iter_frames, shrink, to_grey, to_rgb
from tests import media_samples as samples
from tests.security.damaged_media import damaged, make_seeds

IN_OPEN, IN_NONBLOCK = 0x20, 0o4000
MEMORY_BYTES = 6 << 30
"""Address space, of which libraries take most; what is really used is measured apart."""
NAMES = (
    *("upload.mp4", "upload.m3u8", "upload.mpd", "upload.ffconcat", "upload.sdp", "upload.svg", "upload", "%03d.png"),
    *("-i.mp4", "concat:a|b.mp4", "upload.mp4;rm", "\u202egpj.mp4"),
)


ACCEPTED, NOTHING = "accepted", "nothing"
"""What became of a file that was not refused."""


def crafted(canary: Path, port: int) -> dict[str, bytes]:
    """Return files that are programs to one reader or another, all after the canaries."""
    file, http = f"file://{canary}", f"http://127.0.0.1:{port}/x"
    texts = {
        "hls": f"#EXTM3U\n#EXTINF:1,\n{file}\n",
        "hls-http": f"#EXTM3U\n#EXTINF:1,\n{http}\n#EXT-X-ENDLIST\n",
        "hls-key": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{http}"\n#EXTINF:1,\n{file}\n',
        "hls-map": f'#EXTM3U\n#EXT-X-MAP:URI="{file}"\n#EXTINF:1,\na.ts\n',
        "hls-concat": f"#EXTM3U\n#EXTINF:1,\nconcat:{file}|{http}\n",
        "hls-subfile": f"#EXTM3U\n#EXTINF:1,\nsubfile,,start,0,end,9,,:{canary}\n",
        "hls-crypto": f"#EXTM3U\n#EXTINF:1,\ncrypto:{file}\n",
        "hls-space": f" \n#EXTM3U\n#EXTINF:1,\n{file}\n",
        "hls-bom": f"\ufeff#EXTM3U\n#EXTINF:1,\n{file}\n",
        "hls-utf16": f"#EXTM3U\n#EXTINF:1,\n{file}\n",
        "m3u": f"{file}\n{http}\n",
        "pls": f"[playlist]\nFile1={file}\nNumberOfEntries=1\n",
        "ffconcat": f"ffconcat version 1.0\nfile {file}\n",
        "ffconcat-options": f"ffconcat version 1.0\nfile {http}\noption protocol_whitelist all\n",
        "dash": f"<?xml version='1.0'?><MPD><Period><AdaptationSet><Representation><BaseURL>{file}</BaseURL>"
        "</Representation></AdaptationSet></Period></MPD>",
        "dash-xxe": f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "{file}">]><MPD>&x;</MPD>',
        "imf": f"<?xml version='1.0'?><CompositionPlaylist><Id>{file}</Id></CompositionPlaylist>",
        "assetmap": f"<?xml version='1.0'?><AssetMap><Path>{file}</Path></AssetMap>",
        "smil": f"<smil><body><video src='{http}'/></body></smil>",
        "asx": f"<asx version='3.0'><entry><ref href='{http}'/></entry></asx>",
        "xspf": f"<?xml version='1.0'?><playlist><trackList><track><location>{file}</location></track></trackList>",
        "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{file}"/></svg>',
        "svg-xxe": f'<!DOCTYPE svg [<!ENTITY x SYSTEM "{file}">]><svg>&x;</svg>',
        "sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n",
        "rtsp": f"rtsptext\nrtsp://127.0.0.1:{port}/x\n",
        "edl": f"# mpv EDL v0\n{canary},0,5\n",
        "cue": f'FILE "{canary}" WAVE\n  TRACK 01 AUDIO\n',
        "ass": f"[Script Info]\n[Events]\nDialogue: 0,0:0:0,0:0:1,,,,,,,{{\\img({canary})}}\n",
        "webvtt": f"WEBVTT\n\nSTYLE\n::cue {{ background: url({http}) }}\n",
        "srt": f"1\n00:00:00,000 --> 00:00:01,000\n<img src={file}>\n",
        "sami": f"<SAMI><BODY><SYNC Start=0><P><img src={http}></SAMI>",
        "avs": f'AviSource("{canary}")\n',
        "vpy": f"import os; os.system('cat {canary}')\n",
        "lavfi": f"movie={canary}[out]\n",
        "ffmetadata": f";FFMETADATA1\ntitle={canary}\n",
        "nsv-url": f"NSVf{http}\n",
        "html": f"<html><video src={http}></html>",
        "script": f"#!/bin/sh\ncat {canary}\n",
        "postscript": f"%!PS\n({canary}) run\n",
        "pdf": f"%PDF-1.4\n{file}\n",
        "mvg": f"push graphic-context\nimage over 0,0 0,0 '{canary}'\n",
        "mime": f"Content-Type: multipart/x-mixed-replace; boundary=a\n\n--a\n{http}\n",
    }
    found = {name: text.encode("utf-16" if name == "hls-utf16" else "utf-8") for name, text in texts.items()}
    return {**found, **binaries(canary)}


def binaries(canary: Path) -> dict[str, bytes]:
    """Return files whose headers lie or lead elsewhere."""
    path = str(canary).encode()
    ftyp = box(b"ftyp", b"qt  \0\0\0\0qt  ")
    alis = bytes(18) + path.ljust(150, b"\0")
    riff = b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt "
    rates = {"wav-1hz": (1, 1, 16), "wav-0hz": (1, 0, 16), "wav-4ghz": (1, 0xFFFFFFFF, 16), "wav-0bits": (1, 8000, 0)}
    rates |= {"wav-60000-channels": (60000, 48000, 16), "wav-0-channels": (0, 48000, 16)}
    waves = {
        name: riff + struct.pack("<IHHIIHH", 16, 1, channels, rate, 1, 2, bits) + b"data" + b"\xff" * 4 + bytes(99)
        for name, (channels, rate, bits) in rates.items()
    }
    nested = b""
    for _ in range(4000):
        nested = box(b"moov", nested)
    return {
        **waves,
        "mov-alis": ftyp + box(b"moov", box(b"dref", struct.pack(">II", 0, 1) + box(b"alis", alis))),
        "mov-url": ftyp
        + box(b"moov", box(b"dref", struct.pack(">II", 0, 1) + box(b"url ", bytes(4) + b"file://" + path))),
        "mov-rmra": ftyp + box(b"moov", box(b"rmra", box(b"rmda", box(b"rdrf", bytes(4) + b"url " + path)))),
        "mov-cmov": ftyp + box(b"moov", box(b"cmov", box(b"dcom", b"zlib") + box(b"cmvd", b"\xff" * 8))),
        "mov-nested": ftyp + nested,
        "mov-endless": ftyp + struct.pack(">I4sQ", 1, b"moov", 0xFFFFFFFFFFFFFFFF),
        "mov-no-size": ftyp + struct.pack(">I4s", 0, b"moov") + bytes(99),
        "mkv-endless": bytes.fromhex("1a45dfa3") + b"\x01" + b"\xff" * 7 + bytes(99),
        "mkv-nested": bytes.fromhex("1a45dfa380") + bytes.fromhex("18538067ff") * 4000,
        "id3-bomb": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(99),
        "flac-cover": b"fLaC\x06\xff\xff\xff" + bytes(99),
        "ogg-lace": b"OggS\0\x02" + bytes(20) + b"\xff" * 256,
        "flv-bomb": b"FLV\x01\x05\0\0\0\x09\0\0\0\0\x09\xff\xff\xff" + bytes(99),
        "asf-bomb": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + b"\xff" * 99,
        "caf-bomb": b"caff\0\1\0\0desc" + b"\xff" * 99,
        "ts-noise": (b"G" + b"\xff" * 187) * 20,
        "mpeg-noise": b"\0\0\1\xba" + b"\xff" * 99,
        "aiff-bomb": b"FORM\xff\xff\xff\xffAIFFCOMM\0\0\0\x12\xff\xff\xff\xff\xff\xff" + b"\xff" * 99,
        "png-huge": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
        + struct.pack(">II", 0x7FFFFFFF, 0x7FFFFFFF)
        + b"\x08\x06\0\0\0"
        + bytes(4),
        "jpeg-huge": b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03" + bytes(99),
        "webp-huge": b"RIFF\xff\xff\xff\xffWEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff" + bytes(9),
        "gif-bomb": b"GIF89a\xff\xff\xff\xff\xf7\0\0" + bytes(99),
    }


def box(kind: bytes, payload: bytes) -> bytes:
    """Return one box of an ISO file."""
    return struct.pack(">I4s", len(payload) + 8, kind) + payload


class Trial:
    """Sends files through every way in; keeps the most CPU time that one of them took."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.slowest_s = 0.0

    def take(self, name: str, data: bytes) -> dict[str, str]:
        """Return for each way what a file was refused with, or whether something came of it."""
        path, made = self._folder / name, self._folder / "made"
        path.write_bytes(data)
        ways: dict[str, Callable[[], Any]] = {
            "probe": lambda: probe_file(path),
            "picture": lambda: clean_picture(path, made),
            "hear": lambda: sum(len(piece) for piece in iter_speech_audio(path)),
            "loudness": lambda: measure_loudness(path),
            "write": lambda: write_sound(path, made, WAV_24),
            "poster": lambda: extract_poster(path, made),
            "look": lambda: sum(map(see, iter_frames(path))),
        }
        codes = {}
        began = time.process_time()
        for way, work in ways.items():
            try:
                codes[way] = ACCEPTED if work() else NOTHING
            except PermanentError as error:
                codes[way] = error.code
            except MemoryError:  # a size that no file has: the process apart ends so, and its caller is told this
                codes[way] = "media.damaged"
        self.slowest_s = max(self.slowest_s, time.process_time() - began)
        path.unlink()
        return codes


def see(shown: tuple[float, av.VideoFrame]) -> int:
    """Make of a frame what cuts, faces and rendering make of it."""
    _, frame = shown
    return len(shrink(frame)) + len(to_grey(frame, WATCH_HEIGHT)) + len(to_rgb(frame, frame.height))


def watch(path: Path) -> int:
    """Return a descriptor that has something to read once the file was opened."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.inotify_init1(IN_NONBLOCK))
    assert libc.inotify_add_watch(descriptor, os.fsencode(path), IN_OPEN) > 0
    return descriptor


def was_touched(descriptor: int) -> bool:
    """Tell whether the watched file was opened since."""
    try:
        return bool(os.read(descriptor, 4096))
    except BlockingIOError:
        return False


def peak_mib() -> int:
    """Return the most memory this program has had; getrusage would tell that of the process which started it."""
    told = Path("/proc/self/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0]) // 1024


def count_damaged(trial: Trial, originals: Mapping[str, bytes], count: int) -> dict[str, dict[str, Counter[str]]]:
    """Try so many damaged files; return by kind and way how often what happened."""
    outcomes = {kind: defaultdict[str, Counter[str]](Counter) for kind in originals}
    for kind, data in damaged(originals, count):
        for way, code in trial.take("damaged", data).items():
            outcomes[kind][way][code] += 1
    return {kind: dict(ways) for kind, ways in outcomes.items()}


def main(folder: Path, fuzzed: int) -> dict[str, Any]:
    """Try everything; return what happened, the slowest file and what the canaries saw."""
    canary, work = folder / "canary.mp4", folder / "work"
    work.mkdir()
    trial = Trial(work)
    samples.make_video(canary, width=64, height=64, duration_s=0.2)
    originals = make_seeds(folder)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        files = crafted(canary, server.getsockname()[1])
        watched = watch(canary)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        codes = {what: {name: trial.take(name, data) for name in NAMES} for what, data in files.items()}
        good = {kind: trial.take("good", data) for kind, data in originals.items()}
        outcomes = count_damaged(trial, originals, fuzzed)
        touched = was_touched(watched)
        canary.read_bytes()
        try:
            server.accept()
            called = True
        except BlockingIOError:
            called = False
        told = {"codes": codes, "good": good, "outcomes": outcomes, "touched": touched, "sings": was_touched(watched)}
        return {**told, "called": called, "slowest_s": trial.slowest_s, "peak_mib": peak_mib()}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
