"""Surveys: a sending and its answers, their scores and what they book."""
