"""What each refusal of a link means, in one sentence."""

from __future__ import annotations

SENTENCES = {
    "link.unsupported": "Nothing is known of how to fetch from there",
    "link.geo_blocked": "The service does not show it in the country of this server",
    "link.live": "It is a live stream; only what has an end is taken",
    "link.private": "The service shows it only to people who are signed in there, or to some of them",
    "link.dead": "There is nothing behind the link any more",
    "link.playlist": "The link leads to a list of several; send links of single ones",
    "link.unreadable": "What the service shows there cannot be read",
    "link.unavailable": "The service does not answer as it should",
    "link.too_large": "The media is larger than allowed",
}
