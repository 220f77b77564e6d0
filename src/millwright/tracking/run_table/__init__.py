"""The table of runs that a person scrolls: any order, any columns, any row at once."""
