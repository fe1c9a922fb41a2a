"""Hearing a song: tempo, beats, bars, key, form, loudness, character (ring 3)."""
