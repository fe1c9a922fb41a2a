"""Versioned messages between the API and its workers (ring 0).

Each is a frozen dataclass with ``VERSION``, ``to_json()`` and ``from_json()``. A version that the reader does not know
is refused with ``contract.unknown_version``, so that old and new processes can run side by side.
"""

from tasks.contracts.farm import GpuState, NodeBeat, NodeOrder, SelfTest
from tasks.contracts.media import AudioInfo, ImageInfo, MediaInfo, VideoInfo
from tasks.contracts.render import MusicMix, RenderOrder, RenderOutput, RenderReceipt, SoundOutput
from tasks.contracts.step import (
    Claim,
    ClaimRequest,
    Heartbeat,
    Progress,
    ReportAndAsk,
    StepBell,
    StepFailure,
    StepNews,
    StepReport,
)
from tasks.contracts.transcript import Segment, Transcript, Word

__all__ = [
    "AudioInfo",
    "Claim",
    "ClaimRequest",
    "GpuState",
    "Heartbeat",
    "ImageInfo",
    "MediaInfo",
    "MusicMix",
    "NodeBeat",
    "NodeOrder",
    "Progress",
    "RenderOrder",
    "RenderOutput",
    "RenderReceipt",
    "ReportAndAsk",
    "Segment",
    "SelfTest",
    "SoundOutput",
    "StepBell",
    "StepFailure",
    "StepNews",
    "StepReport",
    "Transcript",
    "VideoInfo",
    "Word",
]
