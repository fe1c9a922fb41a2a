"""Scenarios of MotionText (npm ``motiontext-renderer``, versions 1.3 and 2.0) turned into ours (ring 0)."""

from tasks.scenario.motiontext.convert import Conversion, convert
from tasks.scenario.motiontext.metrics import Ruler
from tasks.scenario.motiontext.reader import is_motiontext

__all__ = ["Conversion", "Ruler", "convert", "is_motiontext"]
