"""Scenarios: the published schema, the presets, the fonts and validation without rendering."""
