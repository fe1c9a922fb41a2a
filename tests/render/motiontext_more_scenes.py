"""Further documents in the MotionText format: pictures, references, and times that nest, overlap or stand alone."""

from __future__ import annotations

from typing import Any

from tests.render.motiontext_scenes import FREE, ROW, Json, Scene, _plugin, cue, document, group, placed, spoken, text

WIDE, SQUARE, TALL = 16 / 9, 1.0, 0.5
"""Width over height of the pictures in ``tests.render.motiontext.ASSETS``."""


def picture(name: str, asset: str, layout: Json, **more: Any) -> Json:
    """Return an image node."""
    return {"id": name, "eType": "image", "src": f"asset:{asset}", "layout": layout, **more}


def shown(asset: str, layout: Json, time: tuple[float, float] = (1, 3), **more: Any) -> Json:
    """Return a cue of one picture on the free track."""
    return cue(picture("p", asset, layout, displayTime=list(time), **more), "free")


def sized(width: float, ratio: float = 0.0, stage: float = 16 / 9) -> Json:
    """Return a width as a share of the stage; with the height that a picture of this ratio then has."""
    return {"size": {"width": width, **({"height": width * stage / ratio} if ratio else {})}}


def _of_anchor(anchor: str, asset: str, x: float, y: float) -> Scene:
    return Scene(f"picture at {anchor}", document(shown(asset, placed(x, y, anchor, **sized(0.2)))), (0.5, 2.0, 3.5))


WHEN = (0.5, 1.5, 2.5, 3.5, 4.5)
MORE_SCENES = [
    _of_anchor("tl", "wide", 0.05, 0.05),
    _of_anchor("tc", "square", 0.5, 0.1),
    _of_anchor("tr", "tall", 0.95, 0.04),
    _of_anchor("cl", "wide", 0.02, 0.5),
    _of_anchor("cc", "tall", 0.5, 0.5),
    _of_anchor("cr", "square", 0.9, 0.4),
    _of_anchor("bl", "tall", 0.1, 0.95),
    _of_anchor("bc", "wide", 0.5, 0.9),
    _of_anchor("br", "square", 0.98, 0.97),
    Scene("a small picture", document(shown("square", placed(0.3, 0.3, **sized(0.03)))), (2.0,)),
    Scene("a picture over all", document(shown("wide", placed(0.5, 0.5, **sized(1.0)))), (2.0,)),
    Scene("a picture in a box", document(shown("wide", placed(0.6, 0.4, "br", **sized(0.3, WIDE)))), (2.0,)),
    Scene(
        "a picture on a phone",
        document(shown("tall", placed(0.9, 0.1, "tr", **sized(0.25, TALL, 9 / 16))), stage={"baseAspect": "9:16"}),
        (2.0,),
        (720, 1280),
    ),
    Scene(
        "a turned picture",
        document(shown("wide", placed(0.5, 0.5, **sized(0.3, WIDE), transform={"rotate": {"deg": 30}}))),
        (2.0,),
    ),
    Scene(
        "a turned picture at its corner",
        document(shown("square", placed(0.2, 0.2, "tl", **sized(0.2), transform={"rotate": {"deg": -45}}))),
        (2.0,),
    ),
    Scene(
        "a picture scaled and moved",
        document(
            shown(
                "square",
                placed(
                    0.5,
                    0.5,
                    **sized(0.2, SQUARE),
                    transform={"scale": {"x": 1.5, "y": 1.5}, "translate": {"x": 0.25, "y": -0.5}},
                ),
            )
        ),
        (2.0,),
    ),
    Scene(
        "a picture in a group of words",
        document(
            cue(
                group(
                    "g",
                    [
                        *spoken("Words beside"),
                        picture("p", "square", placed(0.5, 0.5, **sized(0.2, SQUARE, 1.0)), displayTime=[1, 3]),
                    ],
                    placed(0.5, 0.5, **sized(0.5), childrenLayout=ROW),
                ),
                "free",
            )
        ),
        (0.5,),
    ),
    Scene(
        "pictures one after another",
        document(
            shown("wide", placed(0.3, 0.3, **sized(0.2)), (0.0, 2.0)),
            cue(picture("q", "tall", placed(0.7, 0.7, **sized(0.1)), displayTime=[2.25, 4]), "free", "c2"),
        ),
        WHEN,
    ),
    Scene(
        "a picture by reference",
        document(
            cue(
                {
                    "id": "p",
                    "eType": "image",
                    "src": "define.logo",
                    "displayTime": "define.times.logo",
                    "layout": "define.corner",
                },
                "free",
            ),
            define={
                "logo": "asset:wide",
                "times": {"logo": [1, 3]},
                "corner": placed(0.1, 0.1, "tl", **sized(0.2)),
            },
        ),
        WHEN,
    ),
    Scene(
        "references to references",
        document(
            cue(
                text(
                    "t",
                    "define.words",
                    displayTime=["define.from", "define.until"],
                    layout={"position": {"x": "define.middle", "y": "define.middle"}, "anchor": "cc"},
                    pluginChain=[_plugin("pulse", maxScale="define.most")],
                ),
                "free",
            ),
            define={"words": "define.said", "said": "Named twice", "from": 1, "until": 4, "middle": 0.5, "most": 1.8},
        ),
        WHEN,
    ),
    Scene(
        "the time of a cue",
        document(
            cue(text("t", "Time of the cue", layout=placed(0.5, 0.5)), "free", displayTime=[1, 3]),
            tracks=(FREE,),
        ),
        WHEN,
    ),
    Scene(
        "a life shorter than the display",
        document(
            cue(text("t", "Short life", displayTime=[0, 5], layout=placed(0.5, 0.5)), "free", domLifetime=[1, 3]),
        ),
        WHEN,
    ),
    Scene(
        "spoken outside the display",
        document(
            cue(
                group(
                    "g",
                    [text("a", "Early", baseTime=[-2, 0]), text("b", "late", baseTime=[6, 7])],
                    placed(0.5, 0.8, "bc", childrenLayout=ROW),
                    (1, 3),
                )
            )
        ),
        WHEN,
    ),
    Scene(
        "children that outlive their group",
        document(
            cue(
                group(
                    "g",
                    [text("a", "Longer", displayTime=[0, 5], layout=placed(0.5, 0.3)), text("b", "within")],
                    placed(0.5, 0.5, childrenLayout=ROW),
                    (1, 3),
                ),
                "free",
            )
        ),
        WHEN,
    ),
    Scene(
        "children that come with their group and stay longer",
        document(
            cue(
                group(
                    "g",
                    [text("a", "Gone", displayTime=[2, 5]), text("b", "within")],
                    placed(0.5, 0.5, childrenLayout=ROW),
                    (1, 3),
                ),
                "free",
            )
        ),
        WHEN,
    ),
    Scene(
        "a plugin with a base of its own",
        document(
            cue(
                text(
                    "t",
                    "Base",
                    displayTime=[0, 5],
                    baseTime=[0, 1],
                    layout=placed(0.5, 0.5),
                    pluginChain=[{**_plugin("pulse", maxScale=1.8), "baseTime": [2, 4]}],
                ),
                "free",
            )
        ),
        (0.5, 1.9, 2.5, 3.0, 3.5, 4.5),
    ),
    Scene(
        "displayed from before the beginning",
        document(cue(text("t", "Before zero", displayTime=[-3, 2], layout=placed(0.5, 0.5)), "free")),
        (0.0, 1.0, 2.5),
    ),
]
