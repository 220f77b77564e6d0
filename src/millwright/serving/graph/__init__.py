"""Several models and functions behind one name, joined in one process."""
