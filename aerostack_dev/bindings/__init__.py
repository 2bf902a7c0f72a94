"""The bindings: a room (folder) for each kind, and the corridor that they share.

Rooms never import each other; what two of them need stands here, in the corridor.
"""
