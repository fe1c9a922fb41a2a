"""A scenario as the stage module draws it, with its fonts and pictures, for previews in a browser."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from functools import lru_cache
from typing import Any

from api.fonts.library import named_fonts
from api.images.library import named_images
from tasks.fonts import FontFace, UploadedFace, check_scenario, drawn_texts, dress, subset_faces
from tasks.fonts.accept import accept
from tasks.scenario import parse
from tasks.storage.base import Storage

USUAL = "".join(map(chr, range(0x20, 0x7F)))
"""In every font of a preview that has them, so that typing seldom needs another."""
KEPT_SUBSETS = 64
"""About 50 KB each."""


def stage_scenario(document: dict[str, Any], *, have: Collection[str], storage: Storage) -> dict[str, Any]:
    """Return what the stage draws, the fonts and the pictures; raise as a render of the scenario would be refused.

    :param have: keys of fonts that the browser holds; they are left out.
    """
    accepted = accept(document).scenario
    scenario = parse(accepted)
    check_scenario(scenario)
    urls = {font.sha256: storage.presign_get(font.object_key, inline=True) for font in named_fonts(accepted)}
    texts = drawn_texts(scenario)
    fonts = [describe_font(face, text, urls) for face, text in texts.items() if key_of(face, text) not in have]
    images = {image.name: storage.presign_get(image.object_key, inline=True) for image in named_images(accepted)}
    return {"stage": dress(scenario, list(texts)).to_stage(), "fonts": fonts, "images": images}


def describe_font(face: FontFace, text: str, urls: dict[str, str]) -> dict[str, Any]:
    """Return a face as the stage loads it: cut down to a text, or where to fetch it whole."""
    weight = f"{face.weight_min} {face.weight_max}" if face.weight_max > face.weight_min else str(face.weight_min)
    told = {"key": key_of(face, text), "family": face.family, "weight": weight, "style": face.style}
    if isinstance(face, UploadedFace):
        return {**told, "data": None, "url": urls[face.sha256]}
    return {**told, "data": cut(face, shown(face, text)), "url": None}


def key_of(face: FontFace, text: str) -> str:
    """Name a face with the characters that it is loaded with."""
    wanted = "" if isinstance(face, UploadedFace) else shown(face, text)
    return hashlib.sha256(f"{face.sha256}/{face.index}/{wanted}".encode()).hexdigest()[:24]


def shown(face: FontFace, text: str) -> str:
    """Return the characters that a preview's font has: those of the text and the usual ones."""
    return "".join(sorted({*text, *(char for char in USUAL if ord(char) in face.characters)}))


@lru_cache(maxsize=KEPT_SUBSETS)
def cut(face: FontFace, text: str) -> str:
    """Return a face cut down to a text, base64."""
    return base64.b64encode(*subset_faces([face], text)).decode()
