"""A clean-room client for feature engineering, written from the platform's public documentation."""

from lakehouse.feature_engineering.client import FeatureEngineeringClient
from lakehouse.feature_engineering.entities import FeatureFunction, FeatureLookup, FeatureSpecInfo, FeatureTable
from lakehouse.feature_engineering.not_supported import UNSET
from lakehouse.feature_engineering.training_set import TrainingSet

__all__ = [
    "UNSET",
    "FeatureEngineeringClient",
    "FeatureFunction",
    "FeatureLookup",
    "FeatureSpecInfo",
    "FeatureTable",
    "TrainingSet",
]
