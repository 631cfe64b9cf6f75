"""Import path of ``FeatureTable``."""

from lakehouse.feature_engineering import FeatureTable

__all__ = ["FeatureTable"]
