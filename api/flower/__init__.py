"""Flower for administrators, through the API's own origin."""
