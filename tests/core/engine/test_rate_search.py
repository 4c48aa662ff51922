"""The engine's search for a learning rate: beside other requests, and not during a run."""

from queue import SimpleQueue

from core.commands import (
    CancelFindRate,
    FindRate,
    ListDevices,
    Quit,
    Start,
)
from core.engine.local_host import LocalHost
from core.engine.rate_search import RateSearches
from core.events import RunFinished
from core.responses.devices import DevicesListed
from core.responses.rates import RatesRefused, RatesTried
from tests.support.fakes import make_fake_train


def test_search_reports_until_its_suggestion(tiny):
    host = LocalHost()
    host.send(FindRate(tiny(), request=7))
    events = []
    for event in host.events():
        events.append(event)
        if event.is_last:
            host.send(Quit())
    assert {type(each) for each in events} == {RatesTried}
    assert {each.request for each in events} == {7}
    assert events[0].points == ()
    assert events[-1].suggestion


def test_cancelled_search_reports_nothing_more(tiny):
    host = LocalHost()
    for command in (FindRate(tiny()), CancelFindRate(), ListDevices(), Quit()):
        host.send(command)
    assert [type(each) for each in host.events()] == [RatesTried, DevicesListed]


def test_run_ends_a_search_in_progress(tiny):
    host = LocalHost(make_fake_train(steps=3, delay=0.0))
    host.send(FindRate(tiny(), request=1))
    host.send(Start(tiny(epochs=1)))
    refused = []
    for event in host.events():
        if isinstance(event, RatesRefused):
            refused.append(event.request)
            assert event.message == (
                "a run is in progress: stop it before you search for a learning rate"
            )
        if isinstance(event, RunFinished):
            host.send(Quit())
    assert refused == [1]


def test_failing_search_says_why(tiny, monkeypatch):
    def fail(*arguments):
        raise ValueError("a network of the user's\nfails")

    monkeypatch.setattr("core.training.learner.Learner.step", fail)
    host = LocalHost()
    host.send(FindRate(tiny(), request=2))
    for event in host.events():
        if isinstance(event, RatesRefused):
            assert event.message == "cpu failed: a network of the user's"
            host.send(Quit())


def test_search_is_refused_during_a_run(tiny):
    searches, find = RateSearches(SimpleQueue()), FindRate(tiny(), request=3)
    assert list(searches.begin_run()) == []
    [refused] = searches.handle(find)
    assert isinstance(refused, RatesRefused)
    assert refused.request == 3
    searches.end_run()
    assert [type(each) for each in searches.handle(find)] == [RatesTried]
