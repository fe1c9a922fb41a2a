"""Shorts: highlights of a video, its faces and movement, cutting and framing."""
