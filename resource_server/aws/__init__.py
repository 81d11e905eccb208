"""The only modules of the sample API that speak to AWS."""
