"""Encoding: which encoder this host really has, and writing with it."""
