"""Accounts that their owners close, and the removal of what was theirs."""
