"""`CascadeClassifier`: answer confident rows from cheap features only."""
