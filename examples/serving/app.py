"""An HTTP service that answers one row at a time with a fitted classifier.

``serve.py`` beside it starts several workers. Each loads the classifier from the joblib file that
the environment variable ``SKWILLUMP_MODEL`` names.

A row is a text, or for a classifier of tables a mapping of column to value. A joblib file can run
any code when it is loaded: load only files of your own.
"""

import json
import os
from contextlib import asynccontextmanager

import joblib
import numpy as np
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

Value = str | int | float | bool | None


class Query(BaseModel):
    """What is asked."""

    row: str | dict[str, Value]


class Answer(BaseModel):
    """What is answered; the probabilities are in the order of the ``classes`` of ``/health``."""

    label: str | int | float | bool
    probabilities: list[float]


def answers_one_row(model):
    """Return the function that gives the class probabilities of one row."""
    if hasattr(model, "predict_proba_one"):
        return model.predict_proba_one
    # A plain pipeline over texts, to compare with.
    return lambda row: model.predict_proba([row])[0]


@asynccontextmanager
async def lifespan(app):
    """Load the classifier before the worker takes requests."""
    model = joblib.load(os.environ["SKWILLUMP_MODEL"])
    app.state.classes = np.asarray(model.classes_).tolist()
    app.state.probabilities_of = answers_one_row(model)
    # The first answer loads kernels from the disk: a row in JSON that is answered now, if given.
    if "SKWILLUMP_WARM_UP" in os.environ:
        app.state.probabilities_of(json.loads(os.environ["SKWILLUMP_WARM_UP"]))
    yield


app = FastAPI(lifespan=lifespan)


# Handlers are coroutines: an answer takes less time than handing it to another thread would, and
# processes, not threads, share the work.


@app.get("/health")
async def health(request: Request):
    """Tell that this worker is ready, which one it is, and which classes there are."""
    return {"worker": os.getpid(), "classes": request.app.state.classes}


@app.post("/predict")
async def predict(query: Query, request: Request) -> Answer:
    """Answer one row."""
    state = request.app.state
    try:
        probabilities = state.probabilities_of(query.row)
    except (TypeError, ValueError) as error:
        # The row does not have the form that the classifier was fitted on.
        raise HTTPException(status_code=422, detail=str(error)) from error
    return Answer(
        label=state.classes[int(probabilities.argmax())], probabilities=probabilities.tolist()
    )
