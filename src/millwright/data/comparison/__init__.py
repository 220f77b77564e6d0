"""What differs between two versions of a table, row by row and column by column, and merging them."""
