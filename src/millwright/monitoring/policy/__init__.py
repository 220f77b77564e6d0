"""When an alarm is justified: evidence over several windows, and a sequential test of the loss.

Pure. ``evidence`` decides about columns, ``loss`` about labelled errors.
"""
