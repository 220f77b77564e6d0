"""Two lines of work on a dataset made one: by rows and columns of a table, by paths of files."""
