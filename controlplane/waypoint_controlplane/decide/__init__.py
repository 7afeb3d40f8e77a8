"""What a leader should do now. Pure: a fleet and what was observed of it go in, decisions with reasons come out.

decisions   everything that can be decided
observed    what a leader sees beside the tables: how long things have been as they are, answers of suspect hosts
plan        all rules together: `plan`
turn        what the rules share during one turn
freeze      whether remediation stands still, because much is lost at once or an operator says so
hosts       suspect, probed, gone, back, flapping; evictions at a bounded rate
ends        whether an instance's life is over, and how one knows
registered  what died for want of heartbeats; when the dead are forgotten
bonds       what dies with its parent
drains      what a drain's deadline ends
remains     what gone hosts leave behind
"""
