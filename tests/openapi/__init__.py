"""GitHub's own description of its API, against which every exchange of every test is judged."""
