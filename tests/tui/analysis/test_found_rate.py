"""What a search for a learning rate has found, in words."""

from core.events import Preparing
from core.responses.rates import RatesTried, TriedRate
from tui.analysis.found_rate import describe_found, describe_search

POINT = TriedRate(rate=0.000123456, loss=2.3026, smoothed=2.3)


def test_search_says_how_far_it_is():
    reading = RatesTried(points=(), steps=200, doing=Preparing(message="reading MNIST"))
    loading = RatesTried(
        points=(), steps=200, doing=Preparing(message="downloading", done=1000, total=2000)
    )
    assert describe_search(reading) == "reading MNIST…"
    assert describe_search(loading) == "downloading 1.0 KB of 2.0 KB…"
    assert describe_search(RatesTried(points=(), steps=200)) == "Preparing the network…"
    trying = RatesTried(points=(POINT,), steps=200)
    assert describe_search(trying) == "step 1 of 200 · rate 0.00012 · loss 2.30"


def test_result_has_the_rule_and_why_it_ended_early():
    found = RatesTried(
        points=(POINT,), steps=200, suggestion=0.00042, rule="where it falls", stopped="it rose"
    )
    assert describe_found(found) == [
        "Suggested learning rate: 0.00042, where it falls.",
        "Ended after 1 of 200 steps: it rose.",
    ]
    nothing = RatesTried(points=(), steps=200, rule="it did not fall")
    assert describe_found(nothing) == ["No learning rate is suggested: it did not fall."]
