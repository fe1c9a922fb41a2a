"""The ``reelyard`` command: one-machine supervisor, direct media commands, administration. Imports lazily."""
