"""How rankings, forecasts and features of given tables came out."""
