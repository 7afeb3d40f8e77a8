"""What the lab raises."""


class LabError(Exception):
    """A host cannot be booted, used or removed; the message says why and what to do."""
