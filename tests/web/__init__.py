"""The page before the message board, in a real browser over the local stack."""
