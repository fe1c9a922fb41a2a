"""What the engine costs: jobs that do nothing, submits and reads under load."""
