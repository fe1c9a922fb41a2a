"""Caption files: each module reads or writes one format, by text alone; the guide tells what each loses."""
