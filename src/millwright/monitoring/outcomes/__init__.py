"""How rankings and forecasts came out: metrics whose unit is a query or a series, not a row."""

from millwright.monitoring.outcomes.forecasting import Forecasts, forecast_estimates, forecasts_of
from millwright.monitoring.outcomes.ranking import ranking_estimates
from millwright.monitoring.outcomes.units import OutcomeEstimate

__all__ = [
    "Forecasts",
    "OutcomeEstimate",
    "forecast_estimates",
    "forecasts_of",
    "ranking_estimates",
]
