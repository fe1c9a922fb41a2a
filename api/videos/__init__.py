"""Music videos: clips that were planned for a song, made, looked at, joined, made again, finished and shared."""
