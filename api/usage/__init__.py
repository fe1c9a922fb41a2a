"""Usage: what a user has left and what they used per day and month."""
