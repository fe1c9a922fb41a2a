"""Sphinx settings. Reference pages are generated from the code that they describe (``_ext/generated.py``)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
sys.path.insert(0, str(Path(__file__).parent.parent))

project = "Reelyard"
author = "The Reelyard authors"
copyright = "2026, The Reelyard authors"
version = release = "0.1.0"
extensions = ["sphinx.ext.autodoc", "generated"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Captioned video on your own farm", "fixed_sidebar": True, "page_width": "1080px"}
html_static_path = ["_static"]
nitpicky = False
