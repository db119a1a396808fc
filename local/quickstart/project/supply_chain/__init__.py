"""What comes into the project from elsewhere, and what must not get out of it: locks, advisories, licences, secrets."""
