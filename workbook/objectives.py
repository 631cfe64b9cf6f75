"""The exam objectives that lessons, exercises and questions refer to by id.

``PRO`` is the Machine Learning Professional exam (guide of September 2025: 47 objectives), ``ASC`` the Machine Learning
Associate exam (guide of March 2025: 48 objectives). The wording and the numbering are our own.
"""

from __future__ import annotations

OBJECTIVES: dict[str, str] = {
    # Professional, model development: Spark ML
    "PRO-1.01": "Judge when Spark ML is the right tool",
    "PRO-1.02": "Assemble an end-to-end Spark ML pipeline",
    "PRO-1.03": "Pick the estimator or transformer that a need calls for",
    "PRO-1.04": "Tune a Spark ML model with the built-in tuning tools",
    "PRO-1.05": "Evaluate a Spark ML model with the right evaluator and metric",
    "PRO-1.06": "Score with a Spark ML model in batch and in a stream",
    "PRO-1.07": "Choose Spark ML or a single-node model for batch, streaming or real-time inference",
    # Professional, model development: scaling and tuning
    "PRO-1.08": "Scale training with Spark ML and with pandas UDFs and function APIs",
    "PRO-1.09": "Distribute a hyperparameter search with Optuna and record it in MLflow",
    "PRO-1.10": "Distribute a hyperparameter search with Ray",
    "PRO-1.11": "Weigh a bigger node against more nodes",
    "PRO-1.12": "Choose data or model parallelism for large training",
    "PRO-1.13": "Compare Ray with Spark for distributing ML work",
    "PRO-1.14": "Train and score one model per group with applyInPandas",
    # Professional, model development: advanced MLflow
    "PRO-1.15": "Organise complex experiments with nested runs",
    "PRO-1.16": "Log custom metrics, parameters and artifacts from code",
    "PRO-1.17": "Build a PyFunc model that computes features at request time",
    # Professional, model development: advanced feature store
    "PRO-1.18": "Guarantee point-in-time correct lookups in training and inference",
    "PRO-1.19": "Automate feature computation with the FeatureEngineeringClient",
    "PRO-1.20": "Set up online tables for low latency",
    "PRO-1.21": "Design scalable ingestion of streams into real-time features",
    "PRO-1.22": "Build on-demand features that training and serving share",
    # Professional, MLOps: lifecycle
    "PRO-2.01": "Build the lifecycle architecture of the deploy-code strategy",
    "PRO-2.02": "Match platform features to each lifecycle activity",
    # Professional, MLOps: validation testing
    "PRO-2.03": "Write unit tests for functions used in notebooks",
    "PRO-2.04": "Say which tests run in development, staging and production",
    "PRO-2.05": "Design an integration test from feature engineering to inference",
    "PRO-2.06": "Compare ways to lay out functions and their tests",
    # Professional, MLOps: environments
    "PRO-2.07": "Design scalable ML environments",
    "PRO-2.08": "Declare endpoints, experiments and models in asset bundles",
    # Professional, MLOps: automated retraining
    "PRO-2.09": "Build retraining that drift or a performance alert sets off",
    "PRO-2.10": "Define how automated retraining chooses the winner",
    # Professional, MLOps: drift detection and monitoring
    "PRO-2.11": "Apply the tests of the drift metrics table and judge significance",
    "PRO-2.12": "Match table type and monitoring feature to a use case",
    "PRO-2.13": "Build a snapshot, a time-series and an inference monitor",
    "PRO-2.14": "Name the parts of a monitoring pipeline",
    "PRO-2.15": "Design alerts on drift metrics that pass a threshold",
    "PRO-2.16": "Detect drift against a baseline or between successive windows",
    "PRO-2.17": "Follow model performance over time from an inference table",
    "PRO-2.18": "Define custom aggregate, derived and drift metrics",
    "PRO-2.19": "Read metrics at several granularities and slices",
    "PRO-2.20": "Watch the health of an endpoint",
    # Professional, model deployment
    "PRO-3.01": "Compare deployment strategies for high-traffic applications",
    "PRO-3.02": "Roll a model out on Model Serving with a traffic split",
    "PRO-3.03": "Register a custom PyFunc model with artifacts in Unity Catalog",
    "PRO-3.04": "Query a custom model by REST or by the MLflow Deployments SDK",
    "PRO-3.05": "Deploy a custom model by SDK, REST or the UI",
    # Associate, Databricks machine learning
    "ASC-1.01": "Recognise good MLOps practice",
    "ASC-1.02": "Say what the ML runtimes are for",
    "ASC-1.03": "Say how AutoML helps to pick models and features",
    "ASC-1.04": "Say what AutoML adds to development",
    "ASC-1.05": "Compare account-level with workspace-level feature tables",
    "ASC-1.06": "Create a feature table in Unity Catalog",
    "ASC-1.07": "Write to a feature table",
    "ASC-1.08": "Train with a feature table",
    "ASC-1.09": "Score with a feature table",
    "ASC-1.10": "Compare online with offline feature tables",
    "ASC-1.11": "Find the best run with the MLflow client",
    "ASC-1.12": "Log metrics, artifacts and models by hand",
    "ASC-1.13": "Say what the MLflow UI shows",
    "ASC-1.14": "Register a model in Unity Catalog through the client",
    "ASC-1.15": "Say why to prefer the Unity Catalog registry to the workspace registry",
    "ASC-1.16": "Decide whether to promote code or the model",
    "ASC-1.17": "Set and remove a model tag",
    "ASC-1.18": "Promote a challenger to champion with aliases",
    # Associate, data processing
    "ASC-2.01": "Compute summary statistics",
    "ASC-2.02": "Drop outliers by standard deviation or IQR",
    "ASC-2.03": "Plot categorical and continuous features",
    "ASC-2.04": "Compare two features of one kind with the right method",
    "ASC-2.05": "Contrast imputation by mean, median and mode",
    "ASC-2.06": "Impute missing values",
    "ASC-2.07": "One-hot encode categorical features",
    "ASC-2.08": "Say when one-hot encoding is apt",
    "ASC-2.09": "Say when to transform by the logarithm",
    # Associate, model development
    "ASC-3.01": "Choose an algorithm",
    "ASC-3.02": "Mitigate class imbalance",
    "ASC-3.03": "Compare estimators with transformers",
    "ASC-3.04": "Build a training pipeline",
    "ASC-3.05": "Tune with Hyperopt's fmin",
    "ASC-3.06": "Compare random, grid and Bayesian search",
    "ASC-3.07": "Parallelise the tuning of single-node models",
    "ASC-3.08": "Compare cross-validation with a single split",
    "ASC-3.09": "Do cross-validation",
    "ASC-3.10": "Count the models of a grid search with cross-validation",
    "ASC-3.11": "Use classification metrics",
    "ASC-3.12": "Use regression metrics",
    "ASC-3.13": "Choose the metric for a scenario",
    "ASC-3.14": "Undo the logarithm before computing metrics or reading predictions",
    "ASC-3.15": "Relate model complexity to bias and variance",
    # Associate, model deployment
    "ASC-4.01": "Weigh batch, real-time and streaming inference",
    "ASC-4.02": "Deploy a custom model",
    "ASC-4.03": "Run batch inference with pandas",
    "ASC-4.04": "Run streaming inference in a declarative pipeline",
    "ASC-4.05": "Deploy a model for real-time inference and query it",
    "ASC-4.06": "Split traffic between models",
}

DOMAINS: dict[str, str] = {
    "PRO-1": "Model development",
    "PRO-2": "MLOps",
    "PRO-3": "Model deployment",
    "ASC-1": "Databricks machine learning",
    "ASC-2": "Data processing",
    "ASC-3": "Model development",
    "ASC-4": "Model deployment",
}


def domain_of(objective: str) -> str:
    """The exam domain of an objective: ``PRO-2`` of ``PRO-2.03``."""
    return objective.partition(".")[0]
