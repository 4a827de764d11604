"""`NoCascadeWarning`: a fit has ended with the full model answering every row."""


class NoCascadeWarning(UserWarning):
    """Warning that `fit` ended without a cascade, or a ranker's without a filter.

    The estimator works and gives the full model's answers, compiled where that is possible; it is
    only no faster than the compiled pipeline. The text has the reason, ``report()`` has more. It is
    not given where nothing was to be approximated: with a target of 1.

    Examples
    --------
    Where that is no news, for instance in a search over targets:

    >>> import warnings
    >>> from skwillump import NoCascadeWarning
    >>> warnings.simplefilter("ignore", NoCascadeWarning)
    """
