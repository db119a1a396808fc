"""Random sequences of runs on a whole deployment, compared after each step with what has to come of them."""
