"""Every script as shaped by the browser: HarfBuzz's widths, no font of the host, lines that end between phrases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import uharfbuzz

from render_node.frames import stage_page
from render_node.frames.stage_page import StagePage
from render_node.stills import draw_pictures
from tasks.config import read_worker_settings
from tasks.contracts import RenderOutput
from tasks.errors import InvalidInputError
from tasks.fonts import FontFace, drawn_texts, dress, find_face, nearest_face
from tasks.scenario import parse
from tasks.scenario.clusters import clusters
from tests.conftest import TEST_SETTINGS
from tests.render.conftest import OpenStage
from tests.unit.scenario.scenes import cue, scene, word

SIZE = (1080, 1920)
FONT_PX = 80
SAMPLES = {
    "Latin": "Straße",
    "Greek": "Καλημέρα",
    "Cyrillic": "Здравствуйте",
    "Arabic": "مرحباً",
    "Hebrew": "שָׁלוֹם",
    "Devanagari": "क्षत्रिय",
    "Bengali": "বিজ্ঞান",
    "Tamil": "தமிழ்",
    "Telugu": "తెలుగు",
    "Malayalam": "മലയാളം",
    "Thai": "ภาษาไทยกำ",
    "Khmer": "ភាសាខ្មែរ",
    "Khmer split vowels": "កើតកោះ",
    "Burmese": "မြန်မာ",
    "Georgian": "ქართული",
    "Ethiopic": "አማርኛ",
    "Japanese": "ひらがな",
    "Simplified": "简体们",
    "Traditional": "繁體們",
    "Korean": "한국어",
    "Emoji": "👨‍👩‍👧‍👦",
}
ODD = (
    "e\u0301a\u0300",
    "🇺🇸🇩🇪1️⃣👍🏽❤️🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "각\u1112\u1161\u11ab글",
    "a\u200bb",
    "ക്ഷ",
    "क्\u200dष",
    "กำลัง",
)
STYLE = {"fontFamily": "Noto Sans", "fontSize": FONT_PX}
JAPANESE = ("今日", "は", "とても", "良い", "天気", "です", "ね", "。", "みんな", "で", "公園", "へ", "行こう", "。")


def samples() -> dict[str, Any]:
    """Return one caption of one word for each script."""
    cues = [cue(word(n, text, n, n + 1), number=n, start=n, end=n + 1) for n, text in enumerate(SAMPLES.values())]
    return scene(*cues, style=STYLE)


def advance(face: FontFace, text: str, weight: int) -> float:
    """Return the width that HarfBuzz gives a text, in font sizes."""
    whole = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(face.path)), face.index)
    font = uharfbuzz.Font(whole)
    font.set_variations({"wght": min(max(weight, face.weight_min), face.weight_max)})
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    uharfbuzz.shape(font, buffer)
    return float(sum(place.x_advance for place in buffer.glyph_positions)) / whole.upem


def platform_fonts(stage: StagePage, selector: str) -> list[dict[str, Any]]:
    """Return the fonts that the browser says it drew an element with."""
    ask = stage._page._ask
    ask("DOM.enable")
    ask("CSS.enable")
    root = ask("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
    found = ask("DOM.querySelectorAll", {"nodeId": root, "selector": selector})["nodeIds"]
    return [font for node in found for font in ask("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]]


def test_every_script_is_shaped_as_harfbuzz_does_and_drawn_by_our_fonts_only(open_stage: OpenStage) -> None:
    document = samples()
    scenario = dress(parse(document))
    with open_stage(document, *SIZE) as stage:
        layouts = stage.open()
        for number, (name, text) in enumerate(SAMPLES.items()):
            said = scenario.cues[number].words[0]
            face = nearest_face(said.fonts[-1], weight=said.style["fontWeight"], style="normal")
            assert face is not None
            ((_, _, width, _),) = layouts[number].inner
            assert width == pytest.approx(advance(face, text, 800) * FONT_PX, abs=0.6), name
            stage._page.evaluate("(t) => window.reelyard.stage.drawAt(t)", number + 0.5)
            drawn = platform_fonts(stage, "#root .ink")
            assert drawn, name
            assert all(font["isCustomFont"] for font in drawn), (name, drawn)


def test_browser_and_python_see_the_same_characters(open_stage: OpenStage) -> None:
    texts = [
        *SAMPLES.values(),
        "e\u0301a\u0300",
        "🇺🇸🇩🇪1️⃣👍🏽❤️🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "각\u1112\u1161\u11ab글",
        "a\u200bb",
        "ക്ഷ",
        "क्‍ष",
        "กำลัง",
    ]
    with open_stage(scene(), *SIZE) as stage:
        theirs = stage._page.evaluate(
            "(texts) => texts.map((text) =>"
            " [...new Intl.Segmenter('en', {granularity: 'grapheme'}).segment(text)].map((part) => part.segment))",
            texts,
        )
    assert [clusters(text) for text in texts] == theirs


def lines_of(stage: StagePage, texts: tuple[str, ...]) -> list[str]:
    (layout,) = stage.open()
    rows: dict[int, str] = {}
    for text, (_, y, _, height) in zip(texts, layout.inner, strict=True):
        rows[round(y + height / 2)] = rows.get(round(y + height / 2), "") + text
    return [rows[y] for y in sorted(rows)]


@pytest.mark.parametrize("share", [0.35, 0.5, 0.7])
def test_japanese_lines_end_between_phrases_and_never_begin_with_a_mark(open_stage: OpenStage, share: float) -> None:
    said = [word(n, text, n / 10, n / 10 + 0.1) for n, text in enumerate(JAPANESE)]
    document = scene(cue(*said), style={**STYLE, "maxWidth": share})
    with open_stage(document, *SIZE) as stage:
        lines = lines_of(stage, JAPANESE)
    phrases = ["今日は", "とても", "良い", "天気ですね。", "みんなで", "公園へ", "行こう。"]
    assert len(lines) >= 2
    for line in lines:
        while phrases and line.startswith(phrases[0]):
            line = line.removeprefix(phrases.pop(0))
        assert line == ""
    assert phrases == []


def test_words_without_spaces_stand_together(open_stage: OpenStage) -> None:
    texts = ("ภาษา", "ไทย")
    document = scene(cue(*(word(n, text, n / 2, n / 2 + 0.5) for n, text in enumerate(texts))), style=STYLE)
    with open_stage(document, *SIZE) as stage:
        (layout,) = stage.open()
    (x, _, width, _), (other, _, _, _) = layout.inner
    assert other == pytest.approx(x + width, abs=0.1)


def test_a_font_cut_to_its_text_draws_the_same_pixels(open_stage: OpenStage, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ("AVATAR", "fi", "Καλη", "مرحباً", "क्षत्रिय", "ภาษาไทย", "👩‍🚀")
    document = scene(cue(*(word(n, text, n / 4, n / 4 + 0.25) for n, text in enumerate(texts))), style=STYLE)
    pictures = []
    for cut in (stage_page.subset_faces, lambda faces, text: [face.path.read_bytes() for face in faces]):
        monkeypatch.setattr(stage_page, "subset_faces", cut)
        with open_stage(document, *SIZE) as stage:
            stage.open()
            stage._page.evaluate("window.reelyard.stage.drawAt(0.1)")
            pictures.append(stage._screenshot(*SIZE))
    assert pictures[0][..., 3].any()
    assert np.array_equal(pictures[0], pictures[1])


def test_faces_handed_to_the_page_are_small() -> None:
    texts = drawn_texts(parse(samples()))
    faces = {face.family: len(*stage_page.subset_faces([face], text)) for face, text in texts.items()}
    assert len(faces) == 17
    assert max(faces.values()) < 80_000
    whole = find_face("Noto Sans", weight=800, style="normal")
    assert whole is not None
    assert whole.path.stat().st_size > 1_000_000


def test_a_missing_glyph_is_refused_before_a_browser_starts() -> None:
    document = scene(cue(word(1, "ok"), word(2, "\U00013000", 0.5, 1.0)))
    unused = ("S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    names = {"REDIS_URL": "redis://unused", **dict.fromkeys(unused, "http://unused")}
    settings = read_worker_settings({**TEST_SETTINGS, **names})
    with pytest.raises(InvalidInputError) as refused:
        draw_pictures(document, [0.5], settings=settings, output=RenderOutput(), source=None)
    assert refused.value.code == "scenario.glyph_missing"
    (found,) = refused.value.extra["findings"]
    assert (found["pointer"], found["cue_id"], found["word_id"]) == ("/tracks/0/cues/0/words/1", "c1", "w2")
    assert "U+13000" in found["message"]
