"""Where the bytes of versions are kept, moved to, cared for and erased.

What pushes and fetches imports neither SQLAlchemy, FastAPI nor pydantic, so that with no server
running a push with nothing new costs little more than starting Python.
"""
