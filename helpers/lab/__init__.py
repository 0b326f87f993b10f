"""How the recorded figures were made. `python -m helpers.lab NAME --budget full --seeds 3` records a study; a study is
one file in `studies`."""
