"""Texts that have broken text code before, for hypothesis."""

from hypothesis import strategies as st

TRICKY = (
    "aabbcAB12_ .,'-\t\n\r\x0b\x0c\x1c\x85\xa0\u2003\u3000\0"
    "éÉßẞİıſKΣσςÅåȺⱥ٣\u0301\u0307ﬁ℡ªºжЖهनी漢字한𐐀𐐨😀👍🏽\u200d\u200b"
    "\ud800\udfff"
)
"""Characters with a story: white space of many kinds, NUL, underscore, digits of other scripts, a
combining mark, letters whose lower case is longer, shorter, of two characters or depends on the
place (final sigma), ligatures that compatibility decomposition takes apart, letters beyond the
basic plane with and without case, an emoji with its modifiers, lone surrogates."""

tricky_text = st.text(alphabet=st.sampled_from(TRICKY), max_size=40)
plain_text = st.text(alphabet=st.sampled_from("aab c"), max_size=30)
any_text = st.text(alphabet=st.characters(), max_size=20)
texts = st.one_of(tricky_text, plain_text, any_text)
documents = st.lists(texts, min_size=1, max_size=8)
