"""An embedded mail host in a temporary folder: real milters, an SMTP front, real faults.

It runs as any user, listens on loopback and unix sockets only, and leaves nothing behind.
"""
