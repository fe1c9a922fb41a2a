"""Opening, probing and decoding media that nobody vouches for (ring 2).

Uploaded files are programs for a demuxer until proved otherwise: everything here goes through :func:`open_media`.
"""

from tasks.media.container import open_media
from tasks.media.limits import MediaLimits

__all__ = ["MediaLimits", "open_media"]
