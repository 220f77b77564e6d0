"""The working copy: files as people edit them, and the versions that were kept of them.

Nothing here imports SQLAlchemy, FastAPI, pydantic or Arrow: ``mw data status`` is answered before
they would be loaded. What is kept goes to a journal beside the project, and from there into the
metadata store by whichever door opens next.
"""
