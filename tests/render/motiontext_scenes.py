"""Documents of our own making in the MotionText format, each with the times at which it is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
ROW: Json = {"mode": "flow", "direction": "horizontal", "wrap": True, "maxWidth": "100%", "gap": 0.005}
SUBTITLE: Json = {
    "id": "caption",
    "type": "subtitle",
    "layer": 1,
    "defaultStyle": {
        "fontSizeRel": 0.07,
        "fontFamily": "Montserrat, sans-serif",
        "color": "#ffffff",
        "align": "center",
    },
    "defaultBoxStyle": {"backgroundColor": "rgba(0, 0, 0, 0.9)", "padding": "8px 16px", "borderRadius": "4px"},
}
FREE: Json = {
    "id": "free",
    "type": "free",
    "layer": 2,
    "defaultStyle": {"fontSizeRel": 0.06, "fontFamily": "Inter", "color": "#ffe14d"},
}


@dataclass(frozen=True)
class Scene:
    """A document, the stage's size in pixels, and times in seconds."""

    name: str
    document: Json
    times: tuple[float, ...]
    size: tuple[int, int] = (1280, 720)


def document(*cues: Json, tracks: tuple[Json, ...] = (SUBTITLE, FREE), **more: Any) -> Json:
    """Return a document of version 2.0."""
    head = {
        "version": "2.0",
        "pluginApiVersion": "3.0",
        "timebase": {"unit": "seconds"},
        "stage": {"baseAspect": "16:9"},
    }
    return {**head, "tracks": list(tracks), "cues": list(cues), **more}


def text(name: str, words: str, **more: Any) -> Json:
    """Return a text node."""
    return {"id": name, "eType": "text", "text": words, **more}


def spoken(words: str, start: float = 0.0, step: float = 0.5, prefix: str = "w") -> list[Json]:
    """Return one text node for each word, spoken one after another."""
    return [
        text(f"{prefix}{n}", word, baseTime=[start + n * step, start + (n + 1) * step])
        for n, word in enumerate(words.split())
    ]


def group(
    name: str, children: list[Json], layout: Json | None, time: tuple[float, float] = (0, 5), **more: Any
) -> Json:
    """Return a group node."""
    made: Json = {"id": name, "eType": "group", "displayTime": list(time), "children": children, **more}
    return {**made, "layout": layout} if layout else made


def cue(root: Json, track: str = "caption", name: str = "c1", **more: Any) -> Json:
    """Return a cue."""
    return {"id": name, "track": track, "root": root, **more}


def placed(x: float, y: float, anchor: str = "cc", **more: Any) -> Json:
    """Return a layout with a place."""
    return {"position": {"x": x, "y": y}, "anchor": anchor, **more}


def caption(words: str, layout: Json | None = None, track: str = "caption", **more: Any) -> Json:
    """Return a cue as the editor exports them: a row of words over the lower edge."""
    lower = placed(0.5, 0.925, "bc", safeAreaClamp=True, childrenLayout={**ROW, "align": "center", "justify": "center"})
    return cue(group("g", spoken(words), layout or lower), track, **more)


def loose(words: str, layout: Json, time: tuple[float, float] = (0, 4), **more: Any) -> Json:
    """Return a cue of one text node on the free track."""
    return cue(text("t", words, displayTime=list(time), layout=layout, **more), "free")


def _turned(degrees: float) -> Json:
    return {"transform": {"rotate": {"deg": degrees}}}


def _plugin(name: str, **params: Any) -> Json:
    return {"name": name, "params": params, "timeOffset": [0, 0]}


LONG = "the quick brown fox jumps over the lazy dog and then it sleeps again"
VERTICAL = {"mode": "flow", "direction": "vertical", "gap": 0.01, "align": "center"}
SCENES = [
    Scene("one line", document(caption("Hello big world")), (0.0, 1.2, 4.9)),
    Scene("short words are made wider", document(caption("I love this wonderful thing")), (1.0,)),
    Scene("three lines", document(caption(LONG)), (2.0,)),
    Scene("one word is wider than its own limit", document(caption("Hello")), (1.0,)),
    Scene(
        "a sentence in one node wraps",
        document(cue(group("g", [text("t", "Hello big world of text")], placed(0.5, 0.9, "bc", childrenLayout=ROW)))),
        (1.0,),
    ),
    Scene(
        "words in a free row",
        document(caption("Hello big world", placed(0.5, 0.5, "cc", childrenLayout=ROW), "free")),
        (1.0,),
    ),
    Scene("column of a caption track", document(caption("Hello big world", placed(0.5, 0.9, "bc"))), (1.0,)),
    Scene("blocks of a free group", document(caption("Hello big world", placed(0.4, 0.5, "cc"), "free")), (1.0,)),
    Scene(
        "vertical children", document(caption("One two three", placed(0.5, 0.6, "cc", childrenLayout=VERTICAL))), (1.0,)
    ),
    Scene("top left", document(loose("Top left corner", placed(0.02, 0.03, "tl"))), (0.0, 3.9, 4.2)),
    Scene("bottom right", document(loose("Lower right corner", placed(0.97, 0.96, "br"))), (1.0,)),
    Scene(
        "centre left", document(loose("Two words here", placed(0.1, 0.5, "cl"), style={"fontFamily": "Anton"})), (1.0,)
    ),
    Scene("tilted", document(loose("Tilted banner", placed(0.4, 0.4, "cc", **_turned(-18)))), (1.0,)),
    Scene("turned upright", document(loose("Upright", placed(0.7, 0.5, "cc", **_turned(90)))), (1.0,)),
    Scene(
        "a group turned as one",
        document(
            cue(group("g", spoken("Turn us all"), placed(0.5, 0.5, "cc", childrenLayout=ROW, **_turned(20))), "free")
        ),
        (1.0,),
    ),
    Scene(
        "scaled and moved",
        document(
            loose(
                "Bigger",
                placed(0.5, 0.5, "cc", transform={"scale": {"x": 1.6, "y": 1.6}, "translate": {"x": 0.25, "y": -0.5}}),
            )
        ),
        (1.0,),
    ),
    Scene(
        "inserted text",
        document(
            cue(
                group(
                    "g",
                    [
                        text(
                            "t", "Inserted", baseTime=[0, 5], layout=placed(0.2, 0.3, "tl"), style={"fontSizeRel": 0.09}
                        )
                    ],
                    None,
                ),
                "free",
            )
        ),
        (1.0,),
    ),
    Scene(
        "text of a caption track with its own place",
        document(cue(text("t", "Placed caption", displayTime=[0, 3], layout=placed(0.5, 0.3, "tc")))),
        (1.0, 3.5),
    ),
    Scene(
        "words come one after another",
        document(
            cue(
                group(
                    "g",
                    [
                        text("a", "First", displayTime=[0, 4]),
                        text("b", "second", displayTime=[1, 4]),
                        text("c", "third", displayTime=[2, 3]),
                    ],
                    placed(0.5, 0.8, "bc", childrenLayout=ROW),
                )
            )
        ),
        (0.5, 1.5, 2.5, 3.5),
    ),
    Scene(
        "two cues at once",
        document(
            caption("Lower line"),
            cue(group("h", spoken("Upper line", prefix="u"), placed(0.5, 0.2, "tc", childrenLayout=ROW)), name="c2"),
        ),
        (1.0,),
    ),
    Scene(
        "references",
        document(
            cue(
                group(
                    "g",
                    spoken("Named by reference"),
                    {
                        "anchor": "define.look.anchor",
                        "position": "define.look.position",
                        "childrenLayout": "define.row",
                    },
                    style={"color": "define.brand", "fontFamily": "define.font"},
                )
            ),
            define={
                "brand": "#ff6b35",
                "font": "Poppins",
                "row": ROW,
                "look": {"anchor": "tc", "position": {"x": 0.5, "y": 0.1}},
            },
        ),
        (1.0,),
    ),
    Scene(
        "styles handed down",
        document(
            cue(
                group(
                    "g",
                    spoken("Handed down style"),
                    placed(0.5, 0.5, "cc", childrenLayout=ROW),
                    style={"fontWeight": 700, "fontSizeRel": 0.1, "lineHeight": 1.5},
                )
            )
        ),
        (1.0,),
    ),
    Scene(
        "a size in pixels",
        document(loose("Pixels", placed(0.5, 0.5), style={"fontSize": "60px", "fontFamily": "Poppins"})),
        (1.0,),
    ),
    Scene(
        "no size at all",
        document(
            cue(text("t", "Plain", displayTime=[0, 2], layout=placed(0.5, 0.5), style={"fontFamily": "Inter"}), "free"),
            tracks=({"id": "free", "type": "free", "layer": 1},),
        ),
        (1.0,),
    ),
    Scene(
        "held in the safe area",
        document(
            caption("Held inside", placed(0.5, 0.99, "bc", safeAreaClamp=True, childrenLayout=ROW)),
            stage={"baseAspect": "16:9", "safeArea": {"bottom": 0.16, "top": 0.06}},
        ),
        (1.0,),
    ),
    Scene(
        "upright video", document(caption("Words on a phone today"), stage={"baseAspect": "9:16"}), (1.0,), (720, 1280)
    ),
    Scene(
        "Arial",
        document(
            caption("An editor writes this"),
            tracks=({**SUBTITLE, "defaultStyle": {**SUBTITLE["defaultStyle"], "fontFamily": "Arial, sans-serif"}},),
        ),
        (1.0,),
    ),
    Scene(
        "a row set to its left",
        document(
            cue(
                group(
                    "g",
                    spoken("Set left in a wide box of words"),
                    placed(0.1, 0.5, "cl", childrenLayout={**ROW, "justify": "start", "maxWidth": "40%"}),
                )
            )
        ),
        (1.0,),
    ),
    Scene(
        "the limits of a document",
        document(
            caption(LONG),
            tracks=(
                {
                    **SUBTITLE,
                    "defaultConstraints": {"mode": "flow", "direction": "vertical", "maxWidth": 0.4, "anchor": "bc"},
                },
            ),
        ),
        (1.0,),
    ),
    Scene(
        "pulse",
        document(loose("Pulsing", placed(0.5, 0.5), pluginChain=[_plugin("pulse", maxScale=1.6)])),
        (0.0, 1.0, 2.0, 3.0),
    ),
    Scene(
        "pulse twice",
        document(loose("Pulsing", placed(0.5, 0.5), pluginChain=[_plugin("pulse@2.0.0", cycles=2)])),
        (0.5, 1.0, 3.0),
    ),
    Scene(
        "bob",
        document(loose("Bobbing", placed(0.5, 0.5), pluginChain=[_plugin("bobY", amplitudePx=40)])),
        (1.0, 2.0, 3.0),
    ),
    Scene("spin", document(loose("Spin", placed(0.5, 0.5), pluginChain=[_plugin("spin")])), (0.5, 1.0, 2.5)),
    Scene(
        "a window of its own",
        document(
            loose(
                "Window",
                placed(0.5, 0.5),
                pluginChain=[{"name": "pulse", "params": {"maxScale": 2}, "timeOffset": ["0%", "-50%"]}],
            )
        ),
        (0.5, 1.0, 1.9, 3.0),
    ),
    Scene(
        "words pulse as they are spoken",
        document(
            cue(
                group(
                    "g",
                    [
                        {**node, "pluginChain": [_plugin("pulse", maxScale=1.8)]}
                        for node in spoken("One two three", step=1.0)
                    ],
                    placed(0.5, 0.8, "bc", childrenLayout=ROW),
                )
            )
        ),
        (0.5, 1.5, 2.25, 4.0),
    ),
    Scene(
        "windows that overlap",
        document(
            cue(
                group(
                    "g",
                    [
                        {**node, "pluginChain": [{"name": "bobY", "params": {"amplitudePx": 30}}]}
                        for node in spoken("Over lap", step=1.0)
                    ],
                    placed(0.5, 0.8, "bc", childrenLayout=ROW),
                )
            )
        ),
        (0.5, 1.4, 1.7, 2.6),
    ),
]


def as_older(modern: Json) -> Json:
    """Write a document of version 2.0 as 1.3: times at the leaves, offsets of plugins, other names."""
    cues = [{"id": c["id"], "track": c["track"], "root": _older_node(c["root"], None)} for c in modern["cues"]]
    keep = ("timebase", "stage", "tracks")
    return {"version": "1.3", **{key: modern[key] for key in keep}, "cues": cues}


def _older_node(node: Json, time: list[float] | None) -> Json:
    time = node.get("displayTime", time)
    made = {
        key: value
        for key, value in node.items()
        if key not in ("id", "eType", "displayTime", "children", "pluginChain")
    }
    made["e_type"] = node["eType"]
    if node["eType"] != "group" and time:
        made["absStart"], made["absEnd"] = time
    if "children" in node:
        made["children"] = [_older_node(child, time) for child in node["children"]]
    if "pluginChain" in node:
        made["pluginChain"] = [
            {"name": p["name"], "params": p["params"], **_older_window(p)} for p in node["pluginChain"]
        ]
    return made


def _older_window(plugin: Json) -> Json:
    start, end = plugin.get("timeOffset", ("0%", "100%"))
    if isinstance(start, str):
        return {"relStartPct": float(start[:-1]) / 100, "relEndPct": float(end[:-1]) / 100}
    return {"relStart": start, "relEnd": end}
