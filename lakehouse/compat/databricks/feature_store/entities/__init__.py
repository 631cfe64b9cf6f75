"""Import path of what users declare and what the client returns."""

from lakehouse.feature_engineering import FeatureFunction, FeatureLookup, FeatureTable

__all__ = ["FeatureFunction", "FeatureLookup", "FeatureTable"]
