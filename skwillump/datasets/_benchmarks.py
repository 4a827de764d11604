"""Published data sets, read from a folder of the user's.

What is known of each set, in code, in errors and in descriptions, is one entry of `BENCHMARKS`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.utils import Bunch

from .._compat import refused

if TYPE_CHECKING:
    import pandas as pd


def load_benchmark(name: str, *, as_frame: bool = False, return_X_y: bool = False) -> Any:
    """Load one of the published data sets that the benchmarks use.

    The sets are not part of this package. They are read, as gzipped CSV files with a header row,
    from the folder that the environment variable ``SKWILLUMP_DATA`` names. If a file is not there,
    the error says which columns it has and where the data come from. Needs pandas, which the extra
    ``skwillump[dataframe]`` installs.

    ============= ====== ============================================ ========================
    name          rows   X                                            y
    ============= ====== ============================================ ========================
    toxic         15,329 comment (text)                               toxic or not
    product       35,311 product title (text)                         category, 10 classes
    hate          24,783 tweet (text)                                 3 classes
    clickbait     32,000 headline (text)                              clickbait or not
    stackoverflow 20,000 question title (text)                        tag, 20 classes
    credit        30,000 23 numbers                                   default of payment or not
    adult         48,842 14 numbers and categories                    income above 50,000 or not
    airbnb        48,895 listing's name (text), numbers, categories   price, a number
    cars          99,187 9 numbers and categories                     price, a number
    ============= ====== ============================================ ========================

    The rows of toxic and hate hold offensive language.

    Parameters
    ----------
    name : str
        The name of the set, from the table above.

    as_frame : bool, default=False
        If True, a text and the target are a pandas Series too. A table is always a DataFrame.

    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the following attributes.

        data : ndarray of shape (n_rows,), dtype object, Series or DataFrame
            The text, as str, or the table of features. Values are those of the file: missing
            numbers are NaN, and where a set marks missing values otherwise ``DESCR`` says how.
        target : ndarray of shape (n_rows,) or Series
            The class or the number to predict, as in the file.
        feature_names : list of str
            The columns of the file that `data` holds.
        frame : DataFrame
            All columns of the file, with those that are neither feature nor target.
        natural : ndarray of shape (n_rows,), dtype bool
            Only for toxic: the rows that were drawn at the rate at which comments occur (9 %
            toxic). The others are enriched with toxic rows (51 %): do not quote accuracy on them.
        test : ndarray of shape (n_rows,), dtype bool
            Only for adult: the rows of the published test set.
        DESCR : str
            What the set is, where it comes from, its licence, and what to know before using it.

    (data, target) : tuple if ``return_X_y`` is True
        The features and the target described above.

    Raises
    ------
    ValueError
        If `name` is none of the sets, or the file has not the columns it should have.
    FileNotFoundError
        If ``SKWILLUMP_DATA`` is not set, or the file is not in the folder.
    ImportError
        If pandas is not installed.

    Examples
    --------
    The example runs where the data are:

    >>> import os
    >>> from skwillump.datasets import load_benchmark
    >>> if "SKWILLUMP_DATA" in os.environ:
    ...     X, y = load_benchmark("clickbait", return_X_y=True)
    ...     assert X.shape == y.shape == (32_000,)
    """
    if name not in BENCHMARKS:
        raise refused("load_benchmark", "name", f"a str among {sorted(BENCHMARKS)}", name)
    benchmark = BENCHMARKS[name]
    frame = _read_benchmark(name, benchmark)
    features: Any = frame[benchmark.text or benchmark.table_columns]
    target: Any = frame[benchmark.target]
    if not as_frame:
        target = target.to_numpy()
        if benchmark.text:
            features = features.to_numpy(dtype=object)
    if return_X_y:
        return features, target
    return Bunch(
        data=features,
        target=target,
        feature_names=[benchmark.text] if benchmark.text else benchmark.table_columns,
        frame=frame,
        DESCR=benchmark.description,
        **{
            mask: (frame[column] == value).to_numpy(dtype=bool)
            for mask, (column, value) in benchmark.masks.items()
        },
    )


def _read_benchmark(name: str, benchmark: "Benchmark") -> "pd.DataFrame":
    """Read the file of a benchmark, or say how to get it."""
    folder = os.environ.get("SKWILLUMP_DATA")
    path = Path(folder or "", f"{name}.csv.gz")
    if not folder or not path.is_file():
        where = f"is {folder!r} and has no such file" if folder else "is not set"
        raise FileNotFoundError(
            f"load_benchmark({name!r}) reads the file {path.name} from the folder that the "
            f"environment variable SKWILLUMP_DATA names, which {where}. The file is a gzipped CSV "
            f"file of {benchmark.n_rows:,} rows with a header row and the columns "
            f"{', '.join(benchmark.columns)}.\n{benchmark.description}"
        )
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "load_benchmark needs pandas: install it with pip install 'skwillump[dataframe]'."
        ) from error
    frame = pd.read_csv(path)
    missing = [column for column in benchmark.columns if column not in frame.columns]
    if missing:
        raise ValueError(
            f"The file {str(path)!r} has no column {', '.join(missing)}: it has the columns "
            f"{', '.join(map(str, frame.columns))}, and load_benchmark({name!r}) needs "
            f"{', '.join(benchmark.columns)}."
        )
    return frame


@dataclass(frozen=True)
class Benchmark:
    """What there is to know of one data set.

    `text` is the column with the text, or None if all columns but the target and those of `masks`
    are a table of features. `masks` gives each Boolean attribute of the Bunch the column, and the
    value in that column, of the rows where it is True.
    """

    title: str
    source: str
    n_rows: int
    columns: tuple[str, ...]
    target: str
    text: str | None = None
    masks: Mapping[str, tuple[str, object]] = field(default_factory=dict)
    note: str = ""

    @property
    def description(self) -> str:
        """What the set is, where a user gets it, and what to know before using it."""
        return f"Data set: {self.title}.\nSource: {self.source}.\n{self.note}".rstrip()

    @property
    def table_columns(self) -> list[str]:
        """The features, where they are a table."""
        others = {self.target, *(column for column, _ in self.masks.values())}
        return [column for column in self.columns if column not in others]


BENCHMARKS = {
    "toxic": Benchmark(
        title="Toxic comments (a subset)",
        source=(
            "Jigsaw, Toxic Comment Classification Challenge on Kaggle (comments from Wikipedia's "
            "talk pages); labels CC0, text CC BY-SA 3.0"
        ),
        n_rows=15_329,
        columns=(
            *("id", "comment_text", "toxic", "severe_toxic", "obscene", "threat", "insult"),
            *("identity_hate", "natural_prevalence_sample"),
        ),
        target="toxic",
        text="comment_text",
        masks={"natural": ("natural_prevalence_sample", 1)},
        note=(
            "natural_prevalence_sample is 1 in rows drawn at the rate at which comments occur (9 % "
            "toxic): quote accuracy on these. In the others it is 0: 51 % of them are toxic. Many "
            "comments are offensive."
        ),
    ),
    "product": Benchmark(
        title="Product Classification and Clustering",
        source="PriceRunner products, UCI Machine Learning Repository; CC BY 4.0",
        n_rows=35_311,
        columns=("product_title", "merchant_id", "category_label"),
        target="category_label",
        text="product_title",
    ),
    "hate": Benchmark(
        title="Hate Speech and Offensive Language",
        source=(
            "the data published with Davidson et al., Automated Hate Speech Detection and the "
            "Problem of Offensive Language, ICWSM 2017; MIT"
        ),
        n_rows=24_783,
        columns=("tweet", "class"),
        target="class",
        text="tweet",
        note="Class 0 is hate speech, 1 offensive language, 2 neither. Most tweets are offensive.",
    ),
    "clickbait": Benchmark(
        title="Clickbait headlines",
        source=(
            "the data published with Chakraborty et al., Stop Clickbait: Detecting and Preventing "
            "Clickbaits in Online News Media, ASONAM 2016; MIT"
        ),
        n_rows=32_000,
        columns=("headline", "clickbait"),
        target="clickbait",
        text="headline",
    ),
    "stackoverflow": Benchmark(
        title="Stack Overflow question titles",
        source=(
            "the data published with Xu et al., Short Text Clustering via Convolutional Neural "
            "Networks, 2015 (titles of questions on Stack Overflow, 1,000 of each of 20 tags); "
            "CC BY-SA"
        ),
        n_rows=20_000,
        columns=("title", "label"),
        target="label",
        text="title",
        note="The classes are numbered from 1 to 20.",
    ),
    "credit": Benchmark(
        title="Default of Credit Card Clients",
        source="UCI Machine Learning Repository; CC BY 4.0",
        n_rows=30_000,
        columns=(
            *("LIMIT_BAL", "SEX", "EDUCATION", "MARRIAGE", "AGE"),
            *("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"),
            *(f"BILL_AMT{month}" for month in range(1, 7)),
            *(f"PAY_AMT{month}" for month in range(1, 7)),
            "default",
        ),
        target="default",
        note="There is no PAY_1: the original names the last month's status PAY_0.",
    ),
    "adult": Benchmark(
        title="Adult (Census Income)",
        source="UCI Machine Learning Repository; CC BY 4.0",
        n_rows=48_842,
        columns=(
            *("age", "workclass", "fnlwgt", "education", "education_num", "marital_status"),
            *("occupation", "relationship", "race", "sex", "capital_gain", "capital_loss"),
            *("hours_per_week", "native_country", "income", "split"),
        ),
        target="income",
        masks={"test": ("split", "test")},
        note=(
            "The value '?' marks what is missing in workclass, occupation and native_country. "
            "split is train or test, as published."
        ),
    ),
    "airbnb": Benchmark(
        title="New York City Airbnb Open Data, 2019",
        source="Inside Airbnb, by way of Kaggle; CC0",
        n_rows=48_895,
        columns=(
            *("name", "neighbourhood_group", "neighbourhood", "latitude", "longitude"),
            *("room_type", "price", "minimum_nights", "number_of_reviews", "last_review"),
            *("reviews_per_month", "calculated_host_listings_count", "availability_365"),
        ),
        target="price",
        note=(
            "The free text `name` is missing in 16 rows, `last_review` and `reviews_per_month` in "
            "the rows without reviews; 11 prices are 0."
        ),
    ),
    "cars": Benchmark(
        title="100,000 UK Used Cars",
        source="Kaggle; CC0",
        n_rows=99_187,
        columns=(
            *("make", "model", "year", "price", "transmission", "mileage", "fuelType", "tax"),
            *("mpg", "engineSize"),
        ),
        target="price",
        note=(
            "make is the file of the original that a row is from. One year is 2060: an error of "
            "the original, left as it is."
        ),
    ),
}
