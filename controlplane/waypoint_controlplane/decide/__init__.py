"""What a leader should do now. Pure: a fleet and what was observed of it go in, decisions with reasons come out.

decisions   everything that can be decided
hosts       suspect, probed, gone, back, flapping; the freeze; evictions at a bounded rate
bonds       what dies with its parent; what died for want of heartbeats; which records may be forgotten
drains      what a drain's deadline ends
plan        all of it together
"""
