"""The names of the functions: of their folders in `lambdas`, of their settings, and of their lines in the logs."""

INGEST, CLEAN, ASSIGN, MODEL, WHAT_IF, API = FUNCTIONS = ("ingest", "clean", "assign", "model", "what_if", "api")
"""The functions of every stage."""

WATCH = "watch"
"""The function of a stage with monitoring: it asks whether the API answers, and when a model was last published."""

INBOX = "inbox"
"""The function of a stage with an inbox: it starts runs for what arrives there, and says what became of it."""

ALL_FUNCTIONS = (*FUNCTIONS, WATCH, INBOX)
