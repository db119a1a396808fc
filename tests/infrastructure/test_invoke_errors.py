"""Each error of Lambda's `Invoke` is known to heal, or known not to."""

import botocore.session

from voucher_selection.contract.invoke_errors import FATAL, HEALING, THROTTLED


def errors_of_invoke():
    lambda_ = botocore.session.get_session().get_service_model("lambda")
    return {shape.name for shape in lambda_.operation_model("Invoke").error_shapes}


def test_each_error_of_invoke_heals_or_is_fatal():
    # whoever adds a new one decides: does the same call succeed later, without anyone's doing?
    assert errors_of_invoke() == {*HEALING, *FATAL}


def test_no_error_is_named_twice():
    assert len({*HEALING, *FATAL}) == len([*HEALING, *FATAL])
    assert set(THROTTLED) < set(HEALING)
