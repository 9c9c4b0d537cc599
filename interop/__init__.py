"""Doors to other people's code and files: Trax programs, and what other frameworks wrote.

snapshots.py, the files of running generations, joins two folders that do not know each other.
Nothing else in retrax knows them; they sit above training and call it as users do.
"""
