"""Sphinx settings. Reference pages are generated from the code that they describe (``_ext/generated.py``)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
sys.path.insert(0, str(Path(__file__).parent.parent))

from tasks.version import RELEASE

project = "Reelyard"
author = "The Reelyard authors"
copyright = "2026, The Reelyard authors"
version = release = RELEASE
extensions = ["generated"]
exclude_patterns = ["_build", "_generated/figures.rst", "_generated/rings.rst"]
html_theme = "furo"
html_title = f"Reelyard {version}"
html_static_path = ["_static"]
nitpicky = True
