"""What is tried again when a function cannot be invoked, for how long, and what is not."""

import heapq
import random

import pytest

from infra_cdk.retriers import RETRIERS, named
from infra_cdk.stages import stage
from voucher_selection.contract.invoke_errors import FATAL, HEALING, THROTTLED

# What Step Functions calls other ends of an invocation:
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
CRASHES = {"Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory", "States.Timeout"}
UNKNOWN = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.LambdaException",
    "Lambda.SdkClientException",
}
MAPS_AND_OTHERS_EVENTS = 1_000


def retrier_of(error):
    (found,) = (retrier for retrier in RETRIERS if error in retrier.errors)
    return found


def test_each_error_that_heals_is_tried_again_and_no_other():
    retried = [error for retrier in RETRIERS for error in retrier.errors]

    assert len(retried) == len(set(retried)), "the first retrier of an error would hide the second"
    assert set(retried) == {*named(HEALING), *CRASHES, *UNKNOWN}
    assert set(retried).isdisjoint(named(FATAL))


@pytest.mark.parametrize(
    ("error", "other"),
    [
        ("ENINotReadyException", "EniNotReadyException"),
        ("SubnetIPAddressLimitReachedException", "SubnetIpAddressLimitReachedException"),
        ("EFSIOException", "EfsioException"),
    ],
)
def test_both_spellings_of_an_abbreviation_are_names(error, other):
    assert named([error]) == (f"Lambda.{error}", f"Lambda.{other}")


def test_a_name_without_abbreviation_has_one_spelling():
    assert named(["S3FilesMountTimeoutException"]) == ("Lambda.S3FilesMountTimeoutException",)


def waited(retrier, chance):
    return sum(chance.uniform(0, most) for most in retrier.delays())


@pytest.mark.parametrize("error", sorted(set(named(HEALING)) - set(named(THROTTLED))))
def test_each_of_many_shards_waits_for_a_function_that_sleeps(error):
    chance = random.Random(error)

    assert min(waited(retrier_of(error), chance) for _ in range(1_000)) > 300


def test_an_error_that_step_functions_does_not_know_outlasts_most_sleep_and_is_told_in_minutes():
    times = sorted(waited(retrier_of("Lambda.AWSLambdaException"), random.Random(seed)) for seed in range(1_000))

    assert times[10] > 106
    assert times[-1] < 400


def test_three_functions_that_sleep_leave_most_of_the_runs_time():
    asleep = sum(retrier_of("Lambda.ResourceNotReadyException").delays())

    assert 3 * asleep < stage("prod").run_timeout_seconds / 3


def test_the_history_of_an_execution_has_room_for_all_tries():
    # each try is scheduled, started and failed
    assert 3 * retrier_of("Lambda.TooManyRequestsException").attempts + MAPS_AND_OTHERS_EVENTS <= 25_000


def test_a_throttled_state_waits_until_the_run_ends():
    retrier, most = retrier_of("Lambda.TooManyRequestsException"), stage("prod").run_timeout_seconds

    assert waited(retrier, random.Random(1)) > 2 * most


def throttled_run(shards, seconds, *, slots, at_once, seed):
    """Run a map whose functions find fewer slots than the map starts at once; return its seconds and most tries.

    A shard that has used up its tries raises `StopIteration`.
    """
    chance, retrier = random.Random(seed), retrier_of("Lambda.TooManyRequestsException")
    waiting, running, begun, clock, most = [], [], 0, 0.0, 0
    while begun < shards or waiting or running:
        while begun < shards and len(waiting) + len(running) < at_once:
            heapq.heappush(waiting, (clock, begun, retrier.delays(), 1))
            begun += 1
        if running and (not waiting or running[0] <= waiting[0][0]):
            clock = heapq.heappop(running)
            continue
        clock, shard, delays, tries = heapq.heappop(waiting)
        most = max(most, tries)
        if len(running) < slots:
            heapq.heappush(running, clock + seconds)
        else:
            heapq.heappush(waiting, (clock + chance.uniform(0, next(delays)), shard, delays, tries + 1))
    return clock, most


@pytest.mark.parametrize("seed", range(20))
def test_a_map_survives_an_account_that_runs_a_quarter_of_its_functions_at_once(seed):
    seconds, tries = throttled_run(200, 30, slots=10, at_once=40, seed=seed)

    assert seconds < 1.25 * 200 * 30 / 10
    assert tries > 7, "the six tries of other errors would not have been enough"


def test_a_map_of_hours_survives_it_too():
    seconds, tries = throttled_run(5_000, 30, slots=10, at_once=40, seed=1)

    assert seconds < 1.25 * 5_000 * 30 / 10
    assert tries > 300, "a shard that waits gets no slot while new shards take each that becomes free"
