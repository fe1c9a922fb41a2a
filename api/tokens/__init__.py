"""API tokens: long-lived keys of programs, each with scopes."""
