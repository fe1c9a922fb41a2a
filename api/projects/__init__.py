"""Projects: a long video, what was found in it, and the shorts that are made of it."""
