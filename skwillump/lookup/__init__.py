"""`TableLookup`: features that live in a table, found by key."""
