"""Import path of ``TrainingSet``."""

from lakehouse.feature_engineering import TrainingSet

__all__ = ["TrainingSet"]
