"""The farm: which worker processes there are, what each shall consume, and what to do when one is bad."""
