"""Credits: prices, balances, an append-only ledger."""
