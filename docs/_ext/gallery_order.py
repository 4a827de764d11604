"""The order of the examples in the gallery."""

from sphinx_gallery.sorting import FileNameSortKey


class QuickstartFirst(FileNameSortKey):
    """By name, but for the one to begin with."""

    def __call__(self, filename):
        """Return what to sort by."""
        return filename != "quickstart.py", filename
