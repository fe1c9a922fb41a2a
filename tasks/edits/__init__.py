"""Where a talk may be cut, what of it can go, and how a picture is framed: pure (ring 0), for API and workers."""
