"""Transcripts: what was said in an asset, with every edit kept as a version."""
