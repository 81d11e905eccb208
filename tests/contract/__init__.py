"""Other people's clients, unmodified, against the local stack."""
