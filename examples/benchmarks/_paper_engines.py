"""What a user would pick instead: ONNX Runtime with skl2onnx, and LightGBM's own `Booster`.

Both answer rows in the form that they come in: putting them into the form that the engine wants is
part of what is timed.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from _paper_pipelines import Problem, vectorizers

CHUNKS = (1, 16, 128, 1_024)
"""Rows that ONNX Runtime is given at once: the fastest of these is used."""


class NoEngine(Exception):
    """An engine cannot run a pipeline; says why."""


class BoosterEngine:
    """scikit-learn's features, then ``Booster.predict``, without LightGBM's scikit-learn layer."""

    def __init__(self, problem: Problem):
        model = problem.plain[-1]
        if not hasattr(model, "booster_"):
            raise NoEngine("the model is not LightGBM's")
        self.features, self.booster = problem.plain[:-1], model.booster_
        self.classes = getattr(model, "classes_", None)

    def scores(self, X) -> np.ndarray:
        """Return the positive class's probability, or the value, of each row."""
        return self.booster.predict(self.features.transform(X), num_threads=1)

    def predict(self, X) -> np.ndarray:
        scores = self.scores(X)
        return scores if self.classes is None else self.classes[(scores > 0.5).astype(int)]

    predict_one = predict
    """Takes a data frame of one row, as the plain pipeline does."""

    def facts(self) -> dict:
        return {}


class OnnxEngine:
    """The pipeline converted by skl2onnx, in ONNX Runtime, on one thread, in single precision."""

    def __init__(self, problem: Problem):
        self.columns = list(getattr(problem.X_test, "columns", ()))
        self.numeric = [c for c in self.columns if problem.X_test[c].dtype.kind in "iuf"]
        self.note = ""
        try:
            import onnxruntime
            import skl2onnx
        except ImportError as error:
            raise NoEngine(
                f"{error.name} is not installed: pip install 'skwillump[engines]'"
            ) from error
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                model = self._convert(skl2onnx, problem.plain)
            except Exception as error:  # converters raise whatever comes up
                raise NoEngine(f"not converted: {first_sentence(error)}") from error
        said = [str(w.message) for w in caught if "may not work" in str(w.message)]
        if said:
            self.note = f"skl2onnx warns: {first_sentence(said[0])}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self.session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise NoEngine(f"not loaded: {first_sentence(error)}") from error
        self.outputs = [output.name for output in self.session.get_outputs()]
        used = {node.name for node in self.session.get_inputs()}
        self.columns = [name for name in self.columns if name in used]
        self.chunk = CHUNKS[-1]

    def _convert(self, skl2onnx, plain):
        from skl2onnx.common.data_types import FloatTensorType, StringTensorType

        if hasattr(plain[-1], "booster_"):
            register_lightgbm(skl2onnx, plain[-1])
        text, number = StringTensorType([None, 1]), FloatTensorType([None, 1])
        inputs = [(name, number if name in self.numeric else text) for name in self.columns]
        # A locale that every Linux has, in place of en_US.
        options: dict = {id(step): {"locale": "C.UTF-8"} for step in vectorizers(plain[0])}
        if hasattr(plain[-1], "classes_"):
            options[id(plain[-1])] = {"zipmap": False}
        return skl2onnx.to_onnx(
            plain,
            initial_types=inputs or [("text", text)],
            options=options,
            target_opset={"": 17, "ai.onnx.ml": 3},
        )

    def choose_chunk(self, X) -> None:
        """Give the session as many rows at once as it answers fastest."""
        sample, seconds = X[: CHUNKS[-1]], {}
        for chunk in CHUNKS:
            self.chunk = chunk
            start = time.perf_counter()
            self.predict(sample)
            seconds[chunk] = time.perf_counter() - start
        self.chunk = min(seconds, key=seconds.__getitem__)

    def facts(self) -> dict:
        return {"note": self.note} if self.note else {}

    def _feed(self, X) -> dict:
        if not self.columns:
            return {"text": np.asarray(X, dtype=object).reshape(-1, 1)}
        return {
            name: X[name].to_numpy(dtype=np.float32 if name in self.numeric else object)[:, None]
            for name in self.columns
        }

    def _run(self, X, output: int) -> np.ndarray:
        feed = self._feed(X)
        names = [self.outputs[output]]
        parts = [
            self.session.run(names, {name: x[i : i + self.chunk] for name, x in feed.items()})[0]
            for i in range(0, len(X), self.chunk)
        ]
        return np.concatenate(parts)

    def predict(self, X) -> np.ndarray:
        return self._run(X, 0).ravel()

    def scores(self, X) -> np.ndarray:
        """Return the positive class's probability, or the value, of each row."""
        return self._run(X, 1)[:, 1] if len(self.outputs) == 2 else self.predict(X)

    def predict_one(self, x):
        """Answer a text, or a mapping of column to value."""
        if self.columns:
            feed = {
                name: np.array([[x[name]]], dtype=np.float32 if name in self.numeric else object)
                for name in self.columns
            }
        else:
            feed = {"text": np.array([[x]], dtype=object)}
        return self.session.run(self.outputs[:1], feed)[0].ravel()[0]


def register_lightgbm(skl2onnx, model) -> None:
    """Teach skl2onnx LightGBM's models, which onnxmltools converts."""
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    classifies = hasattr(model, "classes_")
    skl2onnx.update_registered_converter(
        type(model),
        f"LightGbm{type(model).__name__}",
        calculate_linear_classifier_output_shapes
        if classifies
        else calculate_linear_regressor_output_shapes,
        convert_lightgbm,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]} if classifies else None,
    )


def first_sentence(error) -> str:
    """Return the first line of a message, up to its first full stop and to 160 characters."""
    text = (str(error) or type(error).__name__).strip().splitlines()[0]
    return text.split(". ")[0][:160].rstrip(".")
