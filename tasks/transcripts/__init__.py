"""Transcripts as data: edits as patches, time maps, paging, file formats. Pure; imported by the API and by bodies."""
