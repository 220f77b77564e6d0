"""What is looked at before a package becomes a version, and what proves later that it is the same.

Two seams. ``contents.SCREENS`` are functions from a file to findings; what they find is kept with the
version, and refused where the project says so. ``signing`` signs who a version is and which bytes it
has, with a key that the database does not hold.
"""
