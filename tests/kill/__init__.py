"""Kills short runs and resumes them: `python -m tests.kill --kills 200`, from the root."""
