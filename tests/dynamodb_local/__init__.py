"""The official DynamoDB Local: it refuses what AWS refuses, where the other local endpoint does not."""
