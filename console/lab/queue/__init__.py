"""The lab's queue: its files, and Postfix's commands for it.

The commands must start wherever the lab does: nothing here needs a package of the extra "lab".
"""
