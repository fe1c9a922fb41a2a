"""Samples: the sound of fetched media, its picture, its loops, its fingerprint."""
