"""One WebSocket to a browser of the fleet, Playwright hidden behind it.

Nothing here yet: the client and its server are a package of their own and will be published alone.
"""
