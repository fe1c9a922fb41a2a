"""Playlists: sounds in an order without gaps, whoever edits at the same time."""
