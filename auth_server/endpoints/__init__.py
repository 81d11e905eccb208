"""The endpoints, one file each. Every one takes a request, the services and the decision to fill in."""
