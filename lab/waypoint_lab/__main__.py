"""`python -m waypoint_lab`."""

from waypoint_lab.cli import main

main()
