"""The authorization server: OAuth 2.0 client credentials on Lambda, DynamoDB and KMS."""
