"""Sounds of the soundboard: brought to one loudness, spoken from text."""
