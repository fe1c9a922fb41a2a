"""Faces in real pictures."""

from __future__ import annotations

import av
import numpy as np
import pytest

from cli.samples import PORTRAIT, get_sample
from tasks.errors import TransientError
from tasks.shorts.faces import FaceDetector, Picture, resize
from tests.conftest import require


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
