"""Requests pass together, or one alone."""

from __future__ import annotations

import threading

from operators.inference.remote.request_gate import RequestGate


def test_alone_waits_for_the_others_and_holds_new_ones() -> None:
    """Anyone who wants to be alone passes when those in flight have ended, and before those that come later."""
    gate, order, in_flight, ended = RequestGate(), [], threading.Event(), threading.Event()

    def first() -> None:
        with gate.together():
            in_flight.set()
            ended.wait()
            order.append("first")

    def alone() -> None:
        with gate.alone():
            order.append("alone")
            begun.set()
            go_on.wait()
            order.append("alone ended")

    def later() -> None:
        with gate.together():
            order.append("later")

    begun, go_on = threading.Event(), threading.Event()
    threads = [threading.Thread(target=first)]
    threads[0].start()
    in_flight.wait()
    threads.append(threading.Thread(target=alone))
    threads[1].start()
    ended.set()
    begun.wait()
    threads.append(threading.Thread(target=later))
    threads[2].start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert order == ["first", "alone", "alone ended", "later"]


def test_together_is_together() -> None:
    """Two requests are inside at the same time."""
    gate, both = RequestGate(), threading.Barrier(2, timeout=60)

    def pass_gate() -> None:
        with gate.together():
            both.wait()

    threads = [threading.Thread(target=pass_gate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not both.broken


def test_an_error_leaves_it_open() -> None:
    """A request that fails does not hold up the others."""
    gate = RequestGate()
    for how in (gate.together, gate.alone):
        try:
            with how():
                raise ValueError
        except ValueError:
            pass
    with gate.alone():
        passed = True
    assert passed
