"""Fonts that people bring: sent into the storage, made safe by a worker, named by family in scenarios."""
