"""What every room stands on: settings, errors, ids, clock, database, objects, events, access."""
