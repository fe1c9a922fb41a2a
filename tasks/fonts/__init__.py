"""Fonts that scenarios may name, and the glyphs they have (ring 1; fontTools and HarfBuzz are its libraries).

Fonts are pinned Python packages (``requirements/base.in``), so that every host draws with the same files and a receipt
can name their hashes. A style's own font draws what it has; scripts that it lacks are drawn by the families that
``data/chains.json`` names for them, and anything else is refused: no other font of a host is ever used.
"""

from tasks.fonts.catalogue import (
    FontFace,
    UploadedFace,
    available_faces,
    catalogue,
    find_face,
    font_faces,
    nearest_face,
    offer_fonts,
    uploaded_fonts,
)
from tasks.fonts.chains import chain_for, describe_fonts, drawn_texts, dress, subset_faces
from tasks.fonts.check import check_scenario, faces_of
from tasks.fonts.substitutes import find_substitutes

__all__ = [
    "FontFace",
    "UploadedFace",
    "available_faces",
    "catalogue",
    "chain_for",
    "check_scenario",
    "describe_fonts",
    "drawn_texts",
    "dress",
    "faces_of",
    "find_face",
    "find_substitutes",
    "font_faces",
    "nearest_face",
    "offer_fonts",
    "subset_faces",
    "uploaded_fonts",
]
