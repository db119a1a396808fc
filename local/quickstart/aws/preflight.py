"""What is checked of an account once the settings of a deployment are known, before anything is built."""

from local.quickstart.aws import concurrency, log_role, region, rule_versions
from local.quickstart.aws.answers import Found, Plan, UnansweredError

_QUESTIONS = (concurrency.check, region.check, log_role.choose, rule_versions.choose)


def check(plan: Plan) -> Found:
    """Ask all questions; return the settings that follow from the account, and what people should know.

    Raises
    ------
    StepError
        The deployment would fail, or its runs; the message says what to do.
    """
    settings: dict[str, str] = {}
    notes: list[str] = []
    for question in _QUESTIONS:
        try:
            found = question(plan)
        except UnansweredError as error:
            notes.append(str(error))
        else:
            settings |= found.settings
            notes += found.notes
    return Found(settings, notes)
