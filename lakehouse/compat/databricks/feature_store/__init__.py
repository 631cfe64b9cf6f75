"""The legacy import path for the local adapter; on Databricks the real package answers."""

from lakehouse.feature_engineering import FeatureFunction, FeatureLookup
from lakehouse.feature_engineering.legacy import FeatureStoreClient

__all__ = ["FeatureFunction", "FeatureLookup", "FeatureStoreClient"]
