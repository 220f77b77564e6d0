"""Evidence that may be looked at all the time: tests and intervals valid at every look together.

Pure functions of what was observed, in the order it was observed; ``deployment.canary`` divides
the permitted error among them.
"""
