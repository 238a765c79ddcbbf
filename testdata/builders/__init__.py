"""Builders of the synthetic studies, one module per kind of object."""
