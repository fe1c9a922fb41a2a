"""Who people are elsewhere: sign-in with other providers, tokens of external issuers."""
