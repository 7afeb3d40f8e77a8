"""A desktop: a screen in memory with a window manager, a browser's window on it, and hands that act on the screen.

    daemon   the program that a slot's unit runs instead of the browser: all of these, and they end together
    screen   Xvfb and the window manager
    hands    each action as PyAutoGUI does it: a backend, as the server has another one for browsers
    keys     names of keys

PyAutoGUI binds the display that it finds when it is imported, hence one process for each desktop. It speaks the second
version of the protocol on loopback, to the host's server alone. Needs Python 3.11 and `tzafonwright[desktop]`.
"""
