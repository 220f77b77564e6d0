"""Where data comes from: files, addresses, buckets, databases, lakes, and other installations.

Connectors run in the client, never in the server: they read what the person who runs the command
may read, and the bytes go through the door. The server learns an address without secrets, and the
state that the source was in.
"""
