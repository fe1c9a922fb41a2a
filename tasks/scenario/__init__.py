"""The scenario: a versioned JSON document of timed words and their looks (ring 0).

Users send typed values only, never HTML, CSS or script. :func:`parse` checks everything that can be checked without
fonts or footage and reports all problems at once.
"""

from tasks.scenario.model import Scenario, SceneCue, SceneLayer, SceneWord, shown_text
from tasks.scenario.parse import motions, parse, presets, schema

__all__ = ["Scenario", "SceneCue", "SceneLayer", "SceneWord", "motions", "parse", "presets", "schema", "shown_text"]
