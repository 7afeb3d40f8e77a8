"""The broker: asks systemd on the agent's behalf, as root, about browsers' units and nothing else.

orders      what the two say to each other, sans-I/O
client      the agent's end
daemon      the broker itself, a process and a unit of its own
"""
