"""Errors as the platform's server sends them."""

from __future__ import annotations

from typing import NoReturn


def refuse(error_code: str, message: str) -> NoReturn:
    """Raise what the MLflow client raises when Databricks answers with an error.

    Parameters
    ----------
    error_code : str
        The platform's code, for example ``PERMISSION_DENIED``. It also begins the text of the error.
    message : str
        The platform's text.

    Raises
    ------
    mlflow.exceptions.RestException
        Always. It is an ``MlflowException``, so either class catches it.
    """
    from mlflow.exceptions import RestException

    raise RestException({"error_code": error_code, "message": message})
