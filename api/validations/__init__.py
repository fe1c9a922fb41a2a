"""Validations: what is wrong with a scenario before it is rendered, measured where it would be drawn."""
