"""Extractions: the sound behind a link becomes a sound of the soundboard."""
