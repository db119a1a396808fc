"""What each state of a run does: Ingest, Clean, Assign and Model, from the lake and the catalog and back to them."""
