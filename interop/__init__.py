"""Doors to other people's code and files: Trax programs, and what other frameworks wrote.

Nothing else in retrax knows them; they sit above training and call it as users do.
"""
