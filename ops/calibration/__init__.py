"""Fits what a model's scores mean to labelled material."""
