"""
A cascade as a model of MLflow
==============================

A cascade is a scikit-learn estimator: MLflow logs it, loads it and serves it as one. What is logged
is pickled, so it is loaded with the versions that are named beside it. Run it as ::

    pip install mlflow
    python examples/serving/mlflow_model.py

and serve what it logged with ``mlflow models serve --env-manager local -m URI``. The data are made
up.
"""

from importlib.metadata import version

import mlflow
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skwillump import CascadeClassifier

PACKAGES = ("skwillump", "scikit-learn", "lightgbm", "numba", "numpy", "pandas")


def table(n_rows=4000, seed=0):
    """Rows and labels."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "amount": rng.normal(0.0, 3.0, n_rows),
            "country": rng.choice(["de", "fr", "it"], n_rows),
            "shop": rng.choice([f"shop {i}" for i in range(50)], n_rows),
        }
    )
    y = np.where(X["amount"] + (X["country"] == "it") > 0, "high", "low")
    return X, y


def fitted():
    """A cascade."""
    columns = make_column_transformer(
        (StandardScaler(), ["amount"]),
        (OneHotEncoder(handle_unknown="ignore"), ["country", "shop"]),
    )
    pipeline = make_pipeline(columns, LogisticRegression())
    cascade = CascadeClassifier(pipeline, accuracy_target=0.95, cv=0.5, random_state=0)
    return cascade.fit(*table())


def log(cascade, X):
    """Log a cascade with its guarantee in a run of MLflow, and return its address."""
    with mlflow.start_run():
        mlflow.log_param("accuracy_target", cascade.accuracy_target)
        mlflow.log_text(cascade.report(), "report.txt")
        info = mlflow.sklearn.log_model(
            cascade,
            name="cascade",
            signature=infer_signature(X, cascade.predict(X)),
            input_example=X[:2],
            pip_requirements=[f"{name}=={version(name)}" for name in PACKAGES],
            serialization_format="cloudpickle",
        )
    return info.model_uri


def main():
    """Log a cascade, load it as a function, and predict."""
    cascade, (X, _) = fitted(), table(10, seed=1)
    address = log(cascade, X)
    served = mlflow.pyfunc.load_model(address)
    print(served.predict(X))
    print(f"mlflow models serve --env-manager local -m {address}")


if __name__ == "__main__":
    main()
