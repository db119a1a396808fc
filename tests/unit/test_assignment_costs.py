"""What an assign run costs: counted by shard, added up exactly, and beside one amount for the country."""

from voucher_selection.domain.assignment_costs import AssignmentCost, CostOfCountry, Given, GivenCustomers
from voucher_selection.domain.totals import ShardAssigned

FEW = Given("Peru", "frequent_segment", "1-4", "segment", 0.1)
NOBODYS = Given("Peru", "recency_segment", None, "country", 0.2)
LATVIAN = Given("Latvia", "frequent_segment", "1-4", "segment", 7.0)


def test_the_shards_of_a_run_are_added_up_without_rounding_between():
    shards = [GivenCustomers.of({FEW: 1, NOBODYS: 2}), GivenCustomers.of({FEW: 2, LATVIAN: 1})]

    cost = AssignmentCost.of([given for shard in shards for given in shard], {"Peru": 0.7})

    assert 0.1 * 3 + 0.2 * 2 != 0.7  # what floats would add up to
    assert cost.countries == (
        CostOfCountry(
            country_code="Peru", customers=5, by_segment=3, by_country=2, sum=0.7, country_amount=0.7, country_sum=3.5
        ),
        CostOfCountry(
            country_code="Latvia",
            customers=1,
            by_segment=1,
            by_country=0,
            sum=7.0,
            country_amount=None,
            country_sum=None,
        ),
    )
    assert [(entry.given, entry.customers, entry.sum) for entry in cost.amounts] == [
        (FEW, 3, 0.3),
        (NOBODYS, 2, 0.4),
        (LATVIAN, 1, 7.0),
    ]


def test_a_sum_of_many_customers_keeps_every_digit():
    many = {FEW: 10**12 + 1}

    (entry,) = AssignmentCost.of(GivenCustomers.of(many), {}).amounts

    assert repr(entry.sum) == "100000000000.1"


def test_a_summary_has_the_entries_with_the_most_customers_and_their_number():
    given = {Given(f"Country {n:03d}", "frequent_segment", "1-4", "segment", 1.0): n for n in range(1, 121)}

    cost = AssignmentCost.of(GivenCustomers.of(given), {}).shortened()

    assert (len(cost.countries), len(cost.amounts)) == (50, 50)
    assert (cost.all_countries, cost.all_amounts) == (120, 120)
    assert cost.countries[0].customers == cost.amounts[0].customers == 120


def test_without_an_assigned_customer_nothing_is_spent():
    assert AssignmentCost.of([], {"Peru": 1.0}) == AssignmentCost(
        countries=(), amounts=(), all_countries=0, all_amounts=0
    )


def test_a_shard_adds_up_only_if_every_assigned_customer_is_counted():
    shard = ShardAssigned(shard=0, rows=3, assigned=2, problems={"no_segment": 1}, given=GivenCustomers.of({FEW: 2}))

    assert shard.add_up
    assert not shard.model_copy(update={"given": GivenCustomers.of({FEW: 1})}).add_up
    assert shard.model_copy(update={"given": None}).add_up  # as an older version wrote it
