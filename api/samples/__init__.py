"""Samples: sounds taken from links, with tempo, key and loops."""
