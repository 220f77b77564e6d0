"""What each retraining policy would have done: a log of labelled rows lived through again."""
