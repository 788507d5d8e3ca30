"""The account of a process: stages that add up, shares that are fair and leave nothing over."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from streams.costs.cpu_account import PROCESS_STAGES, CpuAccount, CpuReading, ProcessStage


@dataclass
class Process:
    """A process whose clocks a test moves; counts what its account tells."""

    reading: CpuReading = field(default_factory=lambda: CpuReading(process=0.0))
    seconds: float = 0.0
    idle_seconds: float = 0.0
    counted: dict[ProcessStage, float] = field(default_factory=dict)

    def read(self) -> CpuReading:
        return self.reading

    def use(self, **seconds: float) -> None:
        """CPU time passes; what part of the process used is added to the whole by the caller."""
        grown = {name: getattr(self.reading, name) + more for name, more in seconds.items()}
        self.reading = replace(self.reading, **grown)

    def cpu_used(self, stage: ProcessStage, seconds: float) -> None:
        assert seconds > 0, "a counter never falls"
        self.counted[stage] = self.counted.get(stage, 0.0) + seconds

    def was_idle(self, seconds: float) -> None:
        self.idle_seconds += seconds

    def account(self, *, has_videos: bool = True) -> CpuAccount:
        return CpuAccount(self.read, self, has_videos=has_videos, monotonic_seconds=lambda: self.seconds)

    @property
    def own_seconds(self) -> float:
        """What the kernel charged the process and its decoders."""
        return self.reading.process + self.reading.decoders


class TestStages:
    def test_what_came_before_is_the_start(self) -> None:
        """Loading and warming up are told apart, whatever threads did them, and so is a decoder's start."""
        process = Process(CpuReading(process=9.0, device=4.0, operators=1.0, decoders=0.5, decoder_starts=0.3))
        account = process.account()
        assert account.used["startup"] == pytest.approx(9.3)
        assert account.used["decode"] == pytest.approx(0.2)
        assert sum(account.used.values()) == pytest.approx(process.own_seconds)

    def test_stages_add_up_to_the_process_and_its_decoders(self) -> None:
        """Whatever happens, no CPU second is lost and none counts twice."""
        process = Process()
        account = process.account()
        process.use(process=1.0)
        with account.signal():
            process.use(process=6.0, device=3.0, operators=1.0, fetch=0.5, decoders=2.0, decoder_starts=0.4)
            account.share()
            process.use(process=0.25)
        process.use(process=0.5)
        account.settle()
        assert account.used == pytest.approx(
            {
                "startup": 0.4,
                "fetch": 0.5,
                "decode": 1.6,
                "operators": 1.0,
                "device": 3.0,
                "overhead": 1.75,
                "idle": 1.5,
            }
        )
        assert sum(account.used.values()) == pytest.approx(process.own_seconds)
        assert sum(process.counted.values()) == pytest.approx(process.own_seconds)
        assert set(process.counted) == set(PROCESS_STAGES)

    def test_a_decoder_that_starts_later_is_start_up(self) -> None:
        """A process that was replaced costs a start, which no video caused."""
        process = Process()
        account = process.account()
        process.use(decoders=0.7, decoder_starts=0.3)
        account.settle()
        assert (account.used["startup"], account.used["decode"]) == pytest.approx((0.3, 0.4))

    def test_counters_do_not_fall_when_clocks_disagree(self) -> None:
        """Clocks are read one after another: a part may be ahead of the whole by a moment, and is made good later."""
        process = Process()
        account = process.account()
        with account.signal():
            process.use(process=1.0)
            account.settle()
            process.use(device=0.1)  # the process's own clock lags behind
            account.settle()
            process.use(process=0.1)
        assert account.used["overhead"] == pytest.approx(1.0)
        assert sum(account.used.values()) == pytest.approx(process.own_seconds)

    def test_idle_time_is_told_apart(self) -> None:
        """CPU time and wall time without a signal in the making are idle."""
        process = Process()
        account = process.account()
        process.use(process=0.2)
        process.seconds = 10.0
        with account.signal():
            process.use(process=3.0)
            process.seconds = 14.0
        process.seconds = 15.0
        account.settle()
        assert (account.used["idle"], account.used["overhead"]) == pytest.approx((0.2, 3.0))
        assert process.idle_seconds == pytest.approx(11.0)

    def test_a_worker_without_media_knows_no_idleness(self) -> None:
        """It cannot tell: everything after its start is overhead."""
        process = Process(CpuReading(process=2.0))
        account = process.account(has_videos=False)
        process.use(process=0.5)
        process.seconds = 10.0
        account.settle()
        assert (account.used["startup"], account.used["overhead"], account.used["idle"]) == (2.0, 0.5, 0.0)
        assert process.idle_seconds == 0.0


class TestShares:
    def test_all_of_it_is_shared_out(self) -> None:
        """Signals that were made together take equal parts, and the last leaves nothing."""
        process = Process()
        account = process.account()
        with account.signal(), account.signal(), account.signal():
            process.use(process=3.0)
            first = account.share()
            process.use(process=1.0)
        # Each that leaves would take its share before; here the others take theirs one after another.
        assert first == pytest.approx(1.0)
        with account.signal():
            assert account.share() == pytest.approx(3.0)
            assert account.share() == 0.0

    def test_a_steady_stream_of_signals_shares_evenly(self) -> None:
        """With the same cost between any two signals, each carries about that cost, from the warmed-up stream on."""
        process = Process()
        account = process.account()
        shares = []
        making = [account.signal() for _ in range(8)]
        for each in making:
            each.__enter__()
        for number in range(80):
            process.use(process=0.5)
            shares.append(account.share())
            making[number % 8].__exit__(None, None, None)
            making[number % 8] = account.signal()
            making[number % 8].__enter__()
        assert shares[40:] == pytest.approx([0.5] * 40, rel=0.02)

    def test_idle_time_is_on_nobodys_receipt(self) -> None:
        """A worker that waited for an hour does not bill the next upload for it."""
        process = Process()
        account = process.account()
        process.use(process=60.0)
        with account.signal():
            process.use(process=0.1)
            assert account.share() == pytest.approx(0.1)

    def test_what_threads_and_decoders_used_is_not_shared(self) -> None:
        """It is on the receipt of the video that it was for."""
        process = Process()
        account = process.account()
        with account.signal():
            process.use(process=5.0, device=3.0, operators=1.0, fetch=0.75, decoders=9.0)
            assert account.share() == pytest.approx(0.25)

    def test_a_failed_signal_leaves_its_part_to_the_others(self) -> None:
        """An exception between begin and share loses nothing."""
        process = Process()
        account = process.account()
        with pytest.raises(ValueError, match="broken"), account.signal():
            process.use(process=2.0)
            raise ValueError("broken")
        with account.signal():
            assert account.share() == pytest.approx(2.0)


class TestShareOutside:
    def test_is_refused(self) -> None:
        """Who takes a share without making a signal would be charged what counts as idle."""
        with pytest.raises(AssertionError, match="outside of `signal`"):
            Process().account().share()
