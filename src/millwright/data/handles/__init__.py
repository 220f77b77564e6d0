"""Dataset versions in the hands of people's own code: whole or in part, without a checkout."""
