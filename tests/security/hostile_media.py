"""Run as a process of its own: crafted and damaged files go through every way into FFmpeg, and nothing else is opened.

Prints what happened as JSON. Canaries: a file that the crafted ones name, watched by inotify, and a listening socket.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tasks.errors import PermanentError
from tasks.media.audio import iter_speech_audio
from tasks.media.picture import clean_picture
from tasks.media.probe import probe_file
from tests import media_samples as samples

IN_OPEN, IN_NONBLOCK = 0x20, 0o4000
MEMORY_BYTES = 6 << 30
"""Address space, of which libraries take most; what is really used is measured apart."""
NAMES = (
    *("upload.mp4", "upload.m3u8", "upload.mpd", "upload.ffconcat", "upload.sdp", "upload.svg", "upload", "%03d.png"),
    *("-i.mp4", "concat:a|b.mp4", "upload.mp4;rm", "\u202egpj.mp4"),
)


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


def seeds(folder: Path) -> list[bytes]:
    """Return small good files of many containers."""
    made = [samples.make_tone(folder / "tone.wav", duration_s=0.2)]
    for name, codec in (
        ("a.mp4", "libx264"),
        ("a.mkv", "libx264"),
        ("a.webm", "libvpx"),
        ("a.ts", "libx264"),
        ("a.avi", "mpeg4"),
    ):
        made.append(samples.make_video(folder / name, width=64, height=64, duration_s=0.2, codec=codec, options={}))
    return [path.read_bytes() for path in made]


def damaged(originals: list[bytes], count: int) -> Iterator[bytes]:
    """Yield files with bits turned at rates from 0.0001 to 0.05, always the same ones."""
    chance = random.Random(5)
    for number in range(count):
        data = bytearray(originals[number % len(originals)])
        for _ in range(max(1, int(len(data) * 10 ** chance.uniform(-4, -1.3)))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        yield bytes(data)


def try_file(path: Path, folder: Path) -> str:
    """Send a file through every way in; return what the probe said, or that a picture came out of it."""
    ways: tuple[Callable[[], Any], ...] = (
        lambda: probe_file(path),
        lambda: sum(len(piece) for piece in iter_speech_audio(path)),
        lambda: clean_picture(path, folder / "clean.png"),
    )
    codes = []
    for way in ways:
        try:
            way()
            codes.append("accepted")
        except PermanentError as error:
            codes.append(error.code)
    return codes[0] if codes[2] != "accepted" else "picture accepted"


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


def main(folder: Path, fuzzed: int) -> dict[str, Any]:
    """Try everything; return counts, the slowest file and what the canaries saw."""
    canary, work = folder / "canary.mp4", folder / "work"
    work.mkdir()
    samples.make_video(canary, width=64, height=64, duration_s=0.2)
    originals = seeds(folder)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        files = crafted(canary, server.getsockname()[1])
        watched = watch(canary)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        codes: dict[str, str] = {}
        slowest_s = 0.0
        for number, (what, data) in enumerate(files.items()):
            for name in (NAMES[number % len(NAMES)], NAMES[(number + 5) % len(NAMES)]):
                path = work / name
                path.write_bytes(data)
                began = time.process_time()
                codes[what] = try_file(path, folder)
                slowest_s = max(slowest_s, time.process_time() - began)
                path.unlink()
        outcomes: Counter[str] = Counter()
        path = work / "damaged"
        for data in damaged(originals, fuzzed):
            path.write_bytes(data)
            began = time.process_time()
            outcomes[try_file(path, folder).partition(".")[0]] += 1
            slowest_s = max(slowest_s, time.process_time() - began)
        touched = was_touched(watched)
        canary.read_bytes()
        try:
            server.accept()
            called = True
        except BlockingIOError:
            called = False
        peak = peak_mib()
        told = {"codes": codes, "outcomes": outcomes, "touched": touched, "sings": was_touched(watched)}
        return {**told, "called": called, "slowest_s": slowest_s, "peak_mib": peak}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
