"""S-2: a file of a stranger is opened in one place, by its allowed containers, and by whom is written down here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.limited import Place, find_places, find_uses, gives_limits

pytestmark = pytest.mark.security("S-2")
ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "tasks", "render_node", "cli")
READERS = {
    *("av.open", "librosa.load", "soundfile.read", "soundfile.info", "soundfile.SoundFile"),
    *("sf.read", "sf.info", "sf.SoundFile", "cv2.VideoCapture", "cv2.imread", "torchaudio.load", "torchaudio.info"),
    *("audioread.audio_open", "decode_audio", "imageio.imread", "imageio.get_reader", "Image.open", "PIL.Image.open"),
    *("scipy.io.wavfile.read", "wavfile.read"),
}
"""What reads media of any form, with options of its own choice."""
MAY_READ = {
    "tasks/media/container.py": "the one place: magic bytes first, then format and protocol allow-lists",
    "render_node/join.py": "pieces that render nodes wrote",
    "render_node/parts.py": "pieces that render nodes wrote",
    "render_node/decode.py": "a sample that it has just made",
    "render_node/rehearsal.py": "what the self-test has just made",
    "render_node/parity_pictures.py": "a GIF that this host has just rendered",
    "cli/verify.py": "results that were just written",
}
OPENS = {
    "tasks/media": "apart where limits have walls",
    "tasks/shorts/watching.py": "apart: listen_and_look and make_clip are errands",
    "tasks/shorts/copier.py": "apart: make_clip is an errand",
    "tasks/shorts/cutter.py": "apart: make_clip is an errand",
    "tasks/shorts/packets.py": "apart: make_clip is an errand",
    "tasks/shorts/seams.py": "apart: make_clip is an errand",
    "tasks/shorts/soundtrack.py": "apart: make_clip is an errand",
    "tasks/clips/patch.py": "in the room of the film, which this host wrote",
    "tasks/clips/compose.py": "in a room: the film is an errand",
    "tasks/clips/fit.py": "in a room: the film is an errand, and so is the look at what a provider gave",
    "render_node": "in a room: bodies of steps open one, and leave what opens media to its errands",
}
"""Who calls ``open_media``, and in which process that happens on a worker."""
WORK = {
    "render_files": {"render_node/errands.py", "render_node/render.py"},
    "draw_first_look": {"render_node/errands.py"},
    "check_parity": {"render_node/errands.py"},
    "render_chunks": {"render_node/chunks.py", "render_node/errands.py"},
    "join_chunks": {"render_node/errands.py"},
    "draw_pictures": {"render_node/errands.py", "render_node/join.py"},
    "find_all": {"render_node/errands.py"},
    "compose": {"tasks/clips/compose.py"},
    "read_clip": {"tasks/clips/compose.py", "tasks/clips/made.py"},
}
"""Work that decodes where it is called: on a worker and for a command in a room alone."""

MAY_DEMUX = {
    "tasks/media/container.py": "the one place: files that bring more streams than they had break no reader",
    "tasks/clips/patch.py": "a film that this host wrote",
    "render_node/parts.py": "pieces that render nodes wrote",
    "cli/verify.py": "results that were just written",
}
"""Who asks PyAV itself for packets."""
LIMITED = {
    *("tasks.media.audio.iter_mono", "tasks.media.audio.iter_speech_audio", "tasks.media.audio.read_header"),
    *("tasks.media.probe.probe_file", "tasks.media.poster.extract_poster", "tasks.media.loudness.measure_loudness"),
    *("tasks.media.sound_file.write_sound", "tasks.media.picture.clean_picture", "tasks.media.container.open_media"),
    *("tasks.shorts.watching.listen_and_look", "tasks.shorts.making.make_clip", "tasks.sounds.level.level_sound"),
    *("tasks.clips.sheet.write_sheet", "tasks.samples.fingerprint.fingerprint_file"),
    *("tasks.speech.options.SpeechOptions", "tasks.music.options.MusicOptions"),
}
"""Some of what may be called without limits, and then reads where it is called: the search for these must find them."""
MAKE_LIMITS = {
    "tasks/media/limits.py": "from the settings, with their walls",
    "tasks/media/container.py": "where none were given",
    "tasks/media/audio.py": "where none were given",
    "tasks/media/probe.py": "where none were given",
    "tasks/media/walled.py": "in the process apart, of those it was ordered with",
    "tasks/ingest/reader.py": "in the process apart, of those it was ordered with",
    "tasks/clips/compose.py": "in a room, of those it was ordered with",
}
"""Who makes limits; all others hand on what they were given, or ask ``limits_of``."""


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def calls_in(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of a name, dotted as it is written."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield ast.unparse(node.func), node


def writes(call: ast.Call) -> bool:
    """Tell whether a call opens a file to write it."""
    mode = call.args[1] if len(call.args) > 1 else next((one.value for one in call.keywords if one.arg == "mode"), None)
    return isinstance(mode, ast.Constant) and mode.value == "w"


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_media_is_read_in_one_place() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in sources()
        for name, call in calls_in(path)
        if name in READERS and not writes(call)
    }

    assert found == set(MAY_READ)


def test_packets_of_strangers_media_come_from_one_place() -> None:
    found = {str(path.relative_to(ROOT)) for path in sources() for name, _ in calls_in(path) if name.endswith(".demux")}

    assert found == set(MAY_DEMUX)


def test_who_opens_strangers_media_is_known() -> None:
    found = {str(path.relative_to(ROOT)) for path in sources() for name, _ in calls_in(path) if name == "open_media"}

    assert {path for path in found if not path.startswith(tuple(OPENS))} == set()
    assert [known for known in OPENS if not any(path.startswith(known) for path in found)] == []


def test_footage_is_worked_on_in_rooms() -> None:
    found: dict[str, set[str]] = {name: set() for name in WORK}
    for path in sources():
        for name, _ in calls_in(path):
            if name in WORK:
                found[name].add(str(path.relative_to(ROOT)))

    assert found == WORK


def test_that_place_names_containers_and_protocols() -> None:
    [opened] = [call for name, call in calls_in(ROOT / "tasks/media/container.py") if name == "av.open"]
    options = next(one.value for one in opened.keywords if one.arg == "options")

    assert isinstance(options, ast.Dict)
    pairs = zip(options.keys, options.values, strict=True)
    told = {ast.literal_eval(key): ast.unparse(value) for key, value in pairs if key}
    assert told["format_whitelist"] == "kind.demuxers"
    assert told["protocol_whitelist"] == "'file'"
    assert ast.unparse(opened.args[0]).startswith("f'file:")


def trees() -> dict[str, ast.Module]:
    """Return the sources by the names of their modules."""
    parts = {path: path.relative_to(ROOT).with_suffix("").parts for path in sources()}
    return {".".join(one).removesuffix(".__init__"): parse(path) for path, one in parts.items()}


def test_media_is_read_within_limits_that_were_given() -> None:
    read = trees()
    places = find_places(read)
    uses = list(find_uses(read, places))

    assert {use.whole for use in uses if use.call} >= LIMITED
    assert [
        f"{use.module}:{use.call.lineno}: {ast.unparse(use.call)}"
        for use in uses
        if use.call and not gives_limits(use.call, places[use.whole])
    ] == []
    functions = [use for use in uses if not use.call and use.whole.rpartition(".")[2].islower()]
    assert [f"{use.module}:{use.node.lineno}: {use.whole}" for use in functions] == [], "handed on, to be called unseen"


def test_limits_are_made_of_settings_alone() -> None:
    found = {str(path.relative_to(ROOT)) for path in sources() for name, _ in calls_in(path) if name == "MediaLimits"}

    assert found == set(MAKE_LIMITS)


@pytest.mark.parametrize(
    "line",
    [
        "iter_mono(path, 8000)",
        "iter_mono(path, 8000, None)",
        "iter_mono(path, 8000, limits=MediaLimits())",
        "audio.iter_mono(path, 8000)",
        "tasks.media.audio.iter_mono(path, 8000)",
        "heard(path, 8000)",
    ],
)
def test_a_call_without_limits_is_found(line: str) -> None:
    imports = (
        "import tasks.media.audio\nfrom tasks.media import audio\nfrom tasks.media.audio import iter_mono as heard"
    )
    source = f"{imports}\ndef f(path):\n    from tasks.media.audio import iter_mono\n    {line}"
    places = {"tasks.media.audio.iter_mono": Place("limits", 2)}

    [use] = find_uses({"it": ast.parse(source)}, places)

    assert use.call is not None
    assert not gives_limits(use.call, places[use.whole])
