"""Speech to words with times (ring 3); engines and models load lazily, in the process that uses them."""

from tasks.speech.options import SpeechOptions, SpeechRequest
from tasks.speech.pipeline import transcribe_file

__all__ = ["SpeechOptions", "SpeechRequest", "transcribe_file"]
