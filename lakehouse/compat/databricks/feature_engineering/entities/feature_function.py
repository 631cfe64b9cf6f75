"""Import path of ``FeatureFunction``."""

from lakehouse.feature_engineering import FeatureFunction

__all__ = ["FeatureFunction"]
