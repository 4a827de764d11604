"""An HTTP service that answers rows with a fitted classifier.

``serve.py`` beside it starts several workers. Each loads the classifier from the joblib file that
the environment variable ``SKWILLUMP_MODEL`` names.

A row is a text, or for a classifier of tables a mapping of column to value. A joblib file can run
any code when it is loaded: load only files of your own.
"""

import json
import os
from collections import Counter
from contextlib import asynccontextmanager

import joblib
import numpy as np
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, Field

from skwillump import compile_pipeline

Value = str | int | float | bool | None
Row = str | dict[str, Value]

MOST_ROWS = 10_000
"""Of a batch in one request."""

SAMPLED = 16
"""One in so many single rows is asked for its stage, for the shares of stages."""


class Query(BaseModel):
    """One row."""

    row: Row


class Batch(BaseModel):
    """Several rows, all of one form."""

    rows: list[Row] = Field(min_length=1, max_length=MOST_ROWS)


class Answer(BaseModel):
    """What is answered to one row.

    The label is what the classifier predicts, by its own rule. The probabilities are in the order
    of the ``classes`` of ``/health``; there are none if the classifier gives none.
    """

    label: str | int | float | bool
    probabilities: list[float] | None


class Answers(BaseModel):
    """What is answered to several rows, and which stage of a cascade answered each."""

    labels: list[str | int | float | bool]
    probabilities: list[list[float]] | None
    stages: list[int] | None


class Service:
    """A classifier, how it is asked, and what it was asked.

    Parameters
    ----------
    model : classifier
        Fitted; a cascade, a compiled pipeline or a plain one.
    """

    def __init__(self, model):
        self.model = model
        self.classes = np.asarray(model.classes_).tolist()
        self.gives_probabilities = hasattr(model, "predict_proba")
        self.is_cascade = hasattr(model, "predict_stage")
        self.takes_mappings = hasattr(model, "feature_names_in_")
        self.requests: Counter[str] = Counter()
        self.stages: Counter[int] = Counter()

    def one(self, row):
        """Answer one row."""
        model = self.model
        if hasattr(model, "predict_one"):
            label = model.predict_one(row)
            probabilities = model.predict_proba_one(row) if self.gives_probabilities else None
        else:
            X = self.as_batch([row])
            label = model.predict(X)[0]
            probabilities = model.predict_proba(X)[0] if self.gives_probabilities else None
        if self.is_cascade and self.requests["row"] % SAMPLED == 0:
            self.stages.update(model.predict_stage(self.as_batch([row])).tolist())
        self.requests["row"] += 1
        return {"label": as_json(label), "probabilities": as_json(probabilities)}

    def many(self, rows):
        """Answer several rows."""
        X = self.as_batch(rows)
        labels = self.model.predict(X)
        probabilities = self.model.predict_proba(X) if self.gives_probabilities else None
        stages = self.model.predict_stage(X) if self.is_cascade else None
        if stages is not None:
            self.stages.update(stages.tolist())
        self.requests["batch"] += 1
        return {
            "labels": as_json(labels),
            "probabilities": as_json(probabilities),
            "stages": as_json(stages),
        }

    def as_batch(self, rows):
        """Return rows as X: a data frame of mappings, a list of texts."""
        kind = dict if self.takes_mappings else str
        wrong = next((row for row in rows if not isinstance(row, kind)), None)
        if wrong is not None:
            raise TypeError(f"a row is of type {type(wrong).__name__}; all must be {kind.__name__}")
        if not self.takes_mappings:
            return rows
        import pandas as pd

        return pd.DataFrame(rows)

    def metrics(self):
        """Return counts in the text format of Prometheus; each worker has its own."""
        worker = f'worker="{os.getpid()}"'
        lines = ["# TYPE skwillump_requests_total counter"]
        for kind in ("row", "batch", "refused"):
            lines.append(
                f'skwillump_requests_total{{{worker},kind="{kind}"}} {self.requests[kind]}'
            )
        if self.is_cascade:
            lines.append("# TYPE skwillump_stage_rows_total counter")
            for stage in range(len(self.model.stages_)):
                lines.append(
                    f'skwillump_stage_rows_total{{{worker},stage="{stage}"}} {self.stages[stage]}'
                )
            lines.append("# TYPE skwillump_stage_expected_share gauge")
            for number, stage in enumerate(self.model.stages_):
                lines.append(
                    f'skwillump_stage_expected_share{{{worker},stage="{number}"}} {stage.share:.6g}'
                )
        return "\n".join(lines) + "\n"


def warm_up(model, row):
    """Answer a row, alone and in a batch, so that kernels are compiled, and loaded.

    A cascade may answer the row early: the full model answers it too, for rows that are left.
    """
    models = [model]
    if hasattr(model, "predict_stage"):
        models.append(compile_pipeline(model.estimator_))
    services = [Service(one) for one in models]
    return [(service.one(row), service.many([row, row])) for service in services]


def as_json(value):
    """Return a value of NumPy's as one of Python's."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


@asynccontextmanager
async def lifespan(app):
    """Load the classifier before the worker takes requests; be unready as soon as it is to end."""
    model = joblib.load(os.environ["SKWILLUMP_MODEL"])
    # The first answer loads kernels from the disk: a row in JSON that is answered now, if given.
    if "SKWILLUMP_WARM_UP" in os.environ:
        warm_up(model, json.loads(os.environ["SKWILLUMP_WARM_UP"]))
    app.state.service = Service(model)
    yield
    app.state.service = None


app = FastAPI(lifespan=lifespan)


# Handlers are coroutines: an answer takes less time than handing it to another thread would, and
# processes, not threads, share the work.


@app.get("/health")
async def health(request: Request):
    """Tell that this worker lives, which one it is, and which classes there are."""
    service = request.app.state.service
    return {"worker": os.getpid(), "classes": service.classes}


@app.get("/ready")
async def ready(request: Request):
    """Tell whether this worker takes rows: 503 without a classifier, before and at the end."""
    if getattr(request.app.state, "service", None) is None:
        return JSONResponse({"ready": False}, status_code=503)
    return {"ready": True}


@app.get("/metrics")
async def metrics(request: Request):
    """Counts of requests and of rows by stage, to be compared with the shares that fit expected."""
    return PlainTextResponse(request.app.state.service.metrics())


@app.post("/predict")
async def predict(query: Query, request: Request) -> Answer:
    """Answer one row."""
    return answer(request.app.state.service, "one", query.row)


@app.post("/predict_batch")
async def predict_batch(batch: Batch, request: Request) -> Answers:
    """Answer several rows."""
    return answer(request.app.state.service, "many", batch.rows)


def answer(service, method, rows):
    """Answer rows; those that do not have the form of the data of fit are the client's error."""
    try:
        return getattr(service, method)(rows)
    except (AttributeError, TypeError, ValueError) as error:
        service.requests["refused"] += 1
        raise HTTPException(status_code=422, detail=str(error)) from error
