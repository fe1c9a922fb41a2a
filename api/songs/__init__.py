"""Songs: what was heard in them, what their owners say instead, and the sections that videos are planned by."""
