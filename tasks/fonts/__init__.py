"""Fonts that scenarios may name, and the glyphs they have (ring 1; fontTools is its one library).

Fonts are pinned Python packages (``fontpkg-*`` in ``requirements/base.in``), so that every host draws with the same
files and a receipt can name their hashes. Nothing ever falls back to another font.
"""

from tasks.fonts.catalogue import FontFace, catalogue, find_face, font_faces
from tasks.fonts.check import check_scenario, faces_of

__all__ = ["FontFace", "catalogue", "check_scenario", "faces_of", "find_face", "font_faces"]
