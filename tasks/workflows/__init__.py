"""Celery canvases built in pure functions from names (ring 1)."""
