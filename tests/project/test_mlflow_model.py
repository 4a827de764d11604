"""The example of MLflow: what it loads and serves answers as the cascade does."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from numpy.testing import assert_array_equal

# MLflow and what it imports warn of what they will change themselves.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    mlflow = pytest.importorskip("mlflow", exc_type=ImportError)
    path = Path(__file__).resolve().parents[2] / "examples" / "serving" / "mlflow_model.py"
    example = SimpleNamespace(**runpy.run_path(str(path)))
    folder = tmp_path_factory.mktemp("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'runs.db'}")
    mlflow.set_experiment(
        experiment_id=mlflow.create_experiment("cascades", artifact_location=folder.as_uri())
    )
    cascade, (X, _) = example.fitted(), example.table(50, seed=1)
    return cascade, X, example.log(cascade, X)


def test_a_logged_cascade_is_loaded_as_a_function(logged):
    import mlflow

    cascade, X, address = logged
    assert_array_equal(mlflow.pyfunc.load_model(address).predict(X), cascade.predict(X))
    assert mlflow.sklearn.load_model(address).report() == cascade.report()


def test_a_logged_cascade_is_served(logged):
    import mlflow
    from mlflow.pyfunc import scoring_server

    testing = pytest.importorskip("fastapi.testclient", exc_type=ImportError)
    cascade, X, address = logged
    client = testing.TestClient(scoring_server.init(mlflow.pyfunc.load_model(address)))
    rows = json.dumps({"dataframe_split": X.to_dict("split", index=False)})
    answer = client.post("/invocations", content=rows, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert answer.json()["predictions"] == cascade.predict(X).tolist()
