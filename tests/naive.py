"""Slow references for the kernels, each written the obvious way."""

import re
from collections import Counter


def char_ngrams(text, min_n, max_n):
    """All n-grams of characters; runs of white space count as one blank."""
    text = re.sub(r"\s\s+", " ", text)
    return [
        text[i : i + n] for n in range(min_n, max_n + 1) for i in range(max(len(text) - n + 1, 0))
    ]


def char_wb_ngrams(text, min_n, max_n):
    """N-grams of each padded word; a padded word shorter than ``min_n`` is one n-gram."""
    ngrams = []
    for word in text.split():
        padded = f" {word} "
        if len(padded) < min_n:
            ngrams.append(padded)
        else:
            ngrams.extend(
                padded[i : i + n]
                for n in range(min_n, max_n + 1)
                for i in range(max(len(padded) - n + 1, 0))
            )
    return ngrams


def word_ngrams(text, min_n, max_n, stop_words=(), token=r"\w\w+"):
    """N-grams of tokens, joined by blanks, after stop words are gone."""
    tokens = [t for t in re.findall(token, text) if t not in stop_words]
    return [
        " ".join(tokens[i : i + n])
        for n in range(min_n, max_n + 1)
        for i in range(max(len(tokens) - n + 1, 0))
    ]


def counts(ngrams, vocabulary):
    """Return {term number: count} for the n-grams that are terms."""
    return dict(Counter(vocabulary[ngram] for ngram in ngrams if ngram in vocabulary))


def sequence_counts(symbols, min_n, max_n, terms):
    """Return {term number: count} for the runs of ``symbols`` that are keys of ``terms``."""
    found = Counter()
    for n in range(min_n, max_n + 1):
        for i in range(len(symbols) - n + 1):
            run = tuple(symbols[i : i + n])
            if run in terms:
                found[terms[run]] += 1
    return dict(found)
