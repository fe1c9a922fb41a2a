"""The player of the soundboard: one state for a user, told to all of their clients."""
