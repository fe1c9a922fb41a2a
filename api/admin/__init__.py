"""Administrators: users, plans, limits."""
