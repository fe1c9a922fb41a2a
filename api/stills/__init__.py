"""Stills: single pictures of any scenario at any time, drawn by the farm within seconds."""
