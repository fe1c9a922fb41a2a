"""Clips of music videos: drawing them, having them made, joining them (a body)."""
