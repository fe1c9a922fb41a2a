"""Rows for tests, made by factory_boy in the application's session."""
