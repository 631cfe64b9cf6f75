"""The platform's import path for the local client; on Databricks the real package answers."""

from lakehouse.feature_engineering import UNSET, FeatureEngineeringClient, FeatureFunction, FeatureLookup

__all__ = ["UNSET", "FeatureEngineeringClient", "FeatureFunction", "FeatureLookup"]
