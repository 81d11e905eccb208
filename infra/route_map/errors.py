"""Why a document has no route map."""


class RouteMapError(ValueError):
    """The document cannot be compiled; the message names the routes, says why, and what to do."""
