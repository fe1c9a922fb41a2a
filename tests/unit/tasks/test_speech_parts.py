"""Blocks of long audio, and models put together from parts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tasks.errors import TransientError
from tasks.speech.blocks import iter_blocks, quietest_moment
from tasks.speech.models import join_split_model

RATE = 16_000


def noise(seconds: float) -> np.ndarray:
    return (np.random.default_rng(5).standard_normal(int(seconds * RATE)) * 0.2).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * RATE), np.float32)


def test_short_audio_is_one_block() -> None:
    audio = noise(3)

    [(start_s, block)] = iter_blocks([audio[:RATE], audio[RATE:]])

    assert start_s == 0.0
    assert np.array_equal(block, audio)


def test_no_audio_is_no_block() -> None:
    assert list(iter_blocks([])) == []


def test_long_audio_is_cut_in_a_pause_and_nothing_is_lost() -> None:
    audio = np.concatenate([noise(8.0), silence(0.6), noise(9.0), silence(0.6), noise(3.0)])
    pieces = [audio[i : i + RATE] for i in range(0, len(audio), RATE)]

    blocks = list(iter_blocks(pieces, block_s=10, search_s=3))

    assert np.array_equal(np.concatenate([block for _, block in blocks]), audio)
    assert [start for start, _ in blocks] == [0.0, pytest.approx(8.3, abs=0.3), pytest.approx(17.9, abs=0.3)]
    assert all(len(block) <= 11 * RATE for _, block in blocks)


def test_quietest_moment_lies_in_the_pause() -> None:
    audio = np.concatenate([noise(1.0), silence(0.5), noise(1.0)])

    assert 1.0 * RATE < quietest_moment(audio) < 1.5 * RATE


def parts(folder: Path, *data: bytes) -> list[Path]:
    folders = []
    for number, part in enumerate(data, 1):
        place = folder / f"part{number}"
        place.mkdir()
        (place / f"model.bin.part{number}").write_bytes(part)
        folders.append(place)
    (folders[0] / "config.json").write_text("{}")
    (folders[0] / "vocabulary.txt").write_text("a")
    return folders


def test_a_split_model_is_joined_checked_and_published(tmp_path: Path) -> None:
    folders = parts(tmp_path, b"first", b"second")
    target = tmp_path / "models" / "base"

    joined = join_split_model(folders, target, sha256=hashlib.sha256(b"firstsecond").hexdigest())

    assert joined == target
    assert (target / "model.bin").read_bytes() == b"firstsecond"
    assert sorted(file.name for file in target.iterdir()) == ["config.json", "model.bin", "vocabulary.txt"]
    assert [file.name for file in target.parent.iterdir()] == ["base"]


def test_a_split_model_with_a_wrong_checksum_is_not_published(tmp_path: Path) -> None:
    folders = parts(tmp_path, b"first", b"tampered")
    target = tmp_path / "models" / "base"

    with pytest.raises(TransientError) as caught:
        join_split_model(folders, target, sha256=hashlib.sha256(b"firstsecond").hexdigest())

    assert caught.value.code == "speech.model_damaged"
    assert list(target.parent.iterdir()) == []
