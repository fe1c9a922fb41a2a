"""The render worker: Chromium draws captions, PyAV decodes, blends and encodes. It never sees a database."""

import os

# Nothing here multiplies large matrices; NumPy's pool of threads for that would cost 0.1 s of CPU at each start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
