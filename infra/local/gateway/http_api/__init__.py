"""HTTP APIs (API Gateway version 2): what differs from REST APIs, and nothing else."""
