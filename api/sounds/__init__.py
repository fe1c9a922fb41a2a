"""Sounds of the soundboard: brought to one loudness, found by tag and name, counted when played."""
