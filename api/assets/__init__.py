"""Assets: every media file a user owns, uploaded or rendered."""
