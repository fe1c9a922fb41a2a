"""Every picture that is kept for the documentation is on a page, and every picture of a page is kept."""

from __future__ import annotations

import re

from tests.docs.blocks import ROOT, pages

KEPT = ROOT / "docs/images"


def test_every_picture_is_shown_and_none_is_missing() -> None:
    shown = set()
    for page in pages():
        for found in re.findall(r"(?:image|figure):: (\S+\.png)", page.read_text()):
            place = ROOT / "docs" / found[1:] if found.startswith("/") else page.parent / found
            shown.add(place.resolve())

    assert [str(path) for path in sorted(shown) if not path.is_file()] == []
    assert [path.name for path in sorted(KEPT.rglob("*.png")) if path not in shown] == []


def test_the_script_that_takes_the_studios_pictures_takes_all_of_them() -> None:
    script = (ROOT / "tests/studio/pictures.py").read_text()
    taken = set(re.findall(r'Shot\("([\w-]+)"', script)) | set(re.findall(r'\(((?:"\w+", )+"\w+")\)\)', script))
    names = {name.strip('" ') for group in taken for name in group.split(",")}

    assert names == {path.stem for path in (KEPT / "studio").glob("*.png")}
