"""The render worker: Chromium draws captions, PyAV decodes, blends and encodes. It never sees a database."""
