"""Stages of cascades and rankers: what both share."""
