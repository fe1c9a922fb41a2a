"""Faces in real pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from cli.samples import PORTRAIT, get_sample
from tasks.contracts.shorts import Turn
from tasks.edits.framing import Shape, crop_at, plan_framing
from tasks.errors import TransientError
from tasks.shorts.faces import FaceDetector, Picture, resize
from tasks.shorts.watching import Watcher
from tests.conftest import require
from tests.media_samples import make_video


@pytest.fixture(scope="session")
def portrait() -> Picture:
    """Return a real portrait, RGB."""
    try:
        path = get_sample(PORTRAIT)
    except TransientError as error:
        require(False, f"a real portrait ({error})")
        raise
    with av.open(str(path)) as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"))


def test_a_face_is_found_where_it_is(portrait: Picture) -> None:
    faces = FaceDetector().find(portrait)

    assert len(faces) == 1
    middle = faces[0].x + faces[0].width / 2, faces[0].y + faces[0].height / 2
    assert middle == pytest.approx((0.43, 0.23), abs=0.03)
    assert faces[0].width == pytest.approx(0.17, abs=0.05)
    assert faces[0].score > 0.95


def test_two_faces_of_a_wide_picture_are_both_found_and_none_in_a_bare_one(portrait: Picture) -> None:
    small = resize(portrait.astype(np.float32), 250, 250).astype(np.uint8)
    wide = np.full((360, 640, 3), 90, np.uint8)
    detector = FaceDetector()

    assert detector.find(wide) == ()
    wide[60:310, 20:270] = small
    wide[100:350, 380:630] = small[:, ::-1]
    middles = sorted(face.x + face.width / 2 for face in detector.find(wide))

    assert middles == pytest.approx([(20 + 0.43 * 250) / 640, (380 + 0.57 * 250) / 640], abs=0.02)


def test_the_face_whose_mouth_moves_with_a_voice_is_shown(portrait: Picture, tmp_path: Path) -> None:
    small = resize(portrait.astype(np.float32), 250, 250).astype(np.uint8)
    rows, columns = slice(66, 76), slice(96, 122)

    def draw(_number: int, t: float) -> Picture:
        picture = np.full((360, 640, 3), 90, np.uint8)
        opened = int(t * 25) // 2 % 2 == 0
        for left, speaks in ((20, t < 3), (380, t >= 3)):
            head = small.copy()
            if speaks and opened:
                head[rows, columns] = (60, 20, 20)
            picture[60:310, left : left + 250] = head
        return picture

    path = make_video(tmp_path / "two.mp4", width=640, height=360, fps=25, duration_s=6, draw=draw)
    turns = (Turn(0.0, 3.0, "A"), Turn(3.0, 6.0, "B"))
    seen = Watcher(FaceDetector()).watch(path, 0.0, 6.0)

    [scene] = plan_framing(seen, Shape(Fraction(16, 9), "9:16"), span=(0.0, 6.0), turns=turns).scenes

    assert scene.source == "speaker"
    assert [crop_at(scene.keys, t)[0] for t in (2.0, 5.0)] == pytest.approx([0.2, 0.76], abs=0.03)
