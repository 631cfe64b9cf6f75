"""Import path of ``FeatureLookup``."""

from lakehouse.feature_engineering import FeatureLookup

__all__ = ["FeatureLookup"]
