"""scikit-learn's own tests, answered by compiled twins: all files, what is known, and figures.

From the folder `tests`, for some of the files or for all::

    python twins_of_scikit_learn.py --kept figures.json tree.tests.test_tree

Each file runs twice, without twins and with them. `KNOWN` is the list of what may differ; anything
else is printed and makes the command fail. See `answered_by_twins`.
"""

import argparse
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

TESTS = Path(__file__).parent

FILES = (
    "feature_extraction.tests.test_text",
    "feature_extraction.tests.test_dict_vectorizer",
    "feature_extraction.tests.test_feature_hasher",
    "preprocessing.tests.test_common",
    "preprocessing.tests.test_data",
    "preprocessing.tests.test_discretization",
    "preprocessing.tests.test_encoders",
    "preprocessing.tests.test_function_transformer",
    "preprocessing.tests.test_polynomial",
    "preprocessing.tests.test_target_encoder",
    "impute.tests.test_base",
    "impute.tests.test_common",
    "impute.tests.test_impute",
    "impute.tests.test_knn",
    "compose.tests.test_column_transformer",
    "compose.tests.test_target",
    "tests.test_pipeline",
    "feature_selection.tests.test_base",
    "feature_selection.tests.test_feature_select",
    "feature_selection.tests.test_from_model",
    "feature_selection.tests.test_rfe",
    "feature_selection.tests.test_sequential",
    "feature_selection.tests.test_variance_threshold",
    "cluster.tests.test_feature_agglomeration",
    "cluster.tests.test_k_means",
    "decomposition.tests.test_factor_analysis",
    "decomposition.tests.test_fastica",
    "decomposition.tests.test_incremental_pca",
    "decomposition.tests.test_kernel_pca",
    "decomposition.tests.test_nmf",
    "decomposition.tests.test_online_lda",
    "decomposition.tests.test_pca",
    "decomposition.tests.test_truncated_svd",
    "tests.test_kernel_approximation",
    "tests.test_metaestimators",
    "tests.test_random_projection",
    "cross_decomposition.tests.test_pls",
    "tree.tests.test_tree",
    "tree.tests.test_monotonic_tree",
    "ensemble.tests.test_forest",
    "ensemble.tests.test_gradient_boosting",
    "ensemble._hist_gradient_boosting.tests.test_gradient_boosting",
    "ensemble._hist_gradient_boosting.tests.test_warm_start",
    "ensemble.tests.test_bagging",
    "ensemble.tests.test_common",
    "ensemble.tests.test_iforest",
    "ensemble.tests.test_voting",
    "ensemble.tests.test_stacking",
    "ensemble.tests.test_weight_boosting",
    "linear_model.tests.test_base",
    "linear_model.tests.test_bayes",
    "linear_model.tests.test_coordinate_descent",
    "linear_model.tests.test_huber",
    "linear_model.tests.test_logistic",
    "linear_model.tests.test_least_angle",
    "linear_model.tests.test_omp",
    "linear_model.tests.test_passive_aggressive",
    "linear_model.tests.test_perceptron",
    "linear_model.tests.test_quantile",
    "linear_model.tests.test_ransac",
    "linear_model.tests.test_ridge",
    "linear_model.tests.test_sgd",
    "linear_model.tests.test_theil_sen",
    "linear_model._glm.tests.test_glm",
    "tests.test_naive_bayes",
    "tests.test_calibration",
    "tests.test_discriminant_analysis",
    "tests.test_multiclass",
    "tests.test_multioutput",
    "neighbors.tests.test_nca",
    "neighbors.tests.test_nearest_centroid",
    "neighbors.tests.test_neighbors",
    "neural_network.tests.test_mlp",
    "svm.tests.test_svm",
    "svm.tests.test_sparse",
    "inspection.tests.test_permutation_importance",
    "model_selection.tests.test_classification_threshold",
    "model_selection.tests.test_search",
    "semi_supervised.tests.test_self_training",
    "frozen.tests.test_frozen",
)
"""Modules of scikit-learn's tests of what is compiled."""

IN_CI = (
    "preprocessing.tests.test_discretization",
    "preprocessing.tests.test_polynomial",
    "preprocessing.tests.test_target_encoder",
    "feature_extraction.tests.test_dict_vectorizer",
    "compose.tests.test_column_transformer",
    "tests.test_naive_bayes",
)
"""Those that the suite runs, since they are quick."""

_IN_PLACE = "With copy=False scikit-learn writes into the caller's array; a twin never does."
_PRIVATE = "It changes private attributes, of which coefficients are made no more."

KNOWN: dict[str, str] = {
    "impute.tests.test_impute::test_imputation_copy": _IN_PLACE,
    "preprocessing.tests.test_data::test_power_transformer_copy_False[[]*": _IN_PLACE,
    "preprocessing.tests.test_data::test_binarizer[[]array]": _IN_PLACE,
    "cluster.tests.test_k_means::test_transform[[]*": (
        "Of the very array of its centers, which a twin has no more, it knows zeros by identity."
    ),
    "svm.tests.test_svm::test_tweak_params": _PRIVATE,
    "svm.tests.test_svm::test_svc_raises_error_internal_representation": _PRIVATE,
    "feature_extraction.tests.test_text::test_transformer_idf_setter": (
        "Bits of a twin and of a transformer that was never fitted are compared: 2e-16 apart."
    ),
    "feature_extraction.tests.test_text::test_vectorizer_stop_words_inconsistent": (
        "A HashingVectorizer warns of stop words at its first call. In a pipeline that is fit."
    ),
    "svm.tests.test_svm::test_svm_classifier_sided_sample_weight[[]estimator0]": (
        "Terms that cancel: 7e-18 in the place of zero."
    ),
    "svm.tests.test_sparse::test_sparse_oneclasssvm[[]*": (
        "Terms that cancel: 4e-13 in the place of 6e-5, of terms whose sum is 2e3."
    ),
    "neighbors.tests.test_neighbors::test_KNeighborsClassifier_multioutput": (
        "Bits of probabilities of several labels and of one label alone are compared: 1e-16 apart."
    ),
    "tests.test_pipeline::test_feature_union_metadata_routing[[]ConsumingNoFitTransform*": (
        "A transformer of scikit-learn's tests learns nothing and does not say so. Of classes of "
        "anybody else that is expected."
    ),
    "tests.test_pipeline::test_metadata_routing_*[[]fit_resample]": (
        "imbalanced-learn adds this method to scikit-learn's list: with it alone they fail too."
    ),
}
"""Tests, as patterns, that differ, and why: none of them is a value that differs."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the tests of a file came to.

    Attributes
    ----------
    plain, twins : int
        Tests that passed, without twins and with them.
    answers : int
        Calls of `predict`, `transform` and their kin that went to a twin.
    compiled : int
        Of these, those that compiled code answered.
    failed : list of str
        Tests that failed with twins alone.
    differences : dict of str to list of str
        Answers that were not the same, by test.
    """

    plain: int
    twins: int
    answers: int
    compiled: int
    failed: list[str]
    differences: dict[str, list[str]]

    def unknown(self) -> list[str]:
        """Say what is not among `KNOWN`."""
        found = {test: ["failed"] for test in self.failed} | self.differences
        return [
            f"{test}: {line}"
            for test, lines in found.items()
            if not any(fnmatch.fnmatchcase(test, known) for known in KNOWN)
            for line in lines
        ]


def run(file: str, *, plain: bool) -> dict:
    """Run a module of scikit-learn's tests, and return what the plugin tells."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "answered_by_twins"]
        command += ["-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull, "-W", "ignore"]
        command += ["--told", str(told), *(["--plain"] if plain else [])]
        command += ["--pyargs", f"sklearn.{file}"]
        path = [str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, cwd=TESTS, check=False
        )
        if not told.exists():
            raise RuntimeError(f"{file} did not run:\n{ended.stdout}\n{ended.stderr}")
        return json.loads(told.read_text())


def figures(file: str, *, with_plain: bool = True) -> Figures:
    """Return the figures of a file.

    Parameters
    ----------
    file : str
        One of `FILES`.
    with_plain : bool
        Whether it is run without twins too. If not, each test is taken to pass without them.
    """
    twins = run(file, plain=False)
    tests = run(file, plain=True)["tests"] if with_plain else None
    passed = [test for test, outcome in twins["tests"].items() if outcome == "passed"]
    failed = [test for test, outcome in twins["tests"].items() if outcome == "failed"]
    if tests is not None:
        failed = [test for test in failed if tests.get(test) != "failed"]
    calls = twins["calls"]
    left = calls.get("left to scikit-learn", 0) + calls.get("not compiled", 0)
    return Figures(
        plain=sum(outcome == "passed" for outcome in (tests or twins["tests"]).values()),
        twins=len(passed),
        answers=calls.get("compiled", 0) + left,
        compiled=calls.get("compiled", 0),
        failed=failed,
        differences=twins["differences"],
    )


def main() -> int:
    """Run the files that are named, or all; return how many differ in what is not known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", default=FILES, metavar="file")
    parser.add_argument("--kept", type=Path, help="JSON file that figures are added to")
    asked = parser.parse_args()
    kept = json.loads(asked.kept.read_text()) if asked.kept and asked.kept.exists() else {}
    print(f"{'file':60} {'plain':>6} {'twins':>6} {'answers':>8} {'compiled':>8}")
    n_unknown = 0
    for file in asked.files:
        found = figures(file)
        print(f"{file:60} {found.plain:6} {found.twins:6} {found.answers:8} {found.compiled:8}")
        for line in found.unknown():
            print("    ", line)
        n_unknown += len(found.unknown())
        kept[file] = asdict(found)
        if asked.kept:
            asked.kept.write_text(json.dumps(kept, indent=1) + "\n")
    return n_unknown


if __name__ == "__main__":
    sys.exit(min(main(), 1))
