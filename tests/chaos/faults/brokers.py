"""Faults of brokers, one broker at a time: two of three are needed for writes."""

from __future__ import annotations

from tests.chaos.faults.attack import Attack


def kill_broker(attack: Attack) -> None:
    """SIGKILL, and a restart on the old log some seconds later."""
    with attack.world.broker_lock:
        node_id = attack.chance.choice(attack.world.kafka.node_ids)
        attack.world.kafka.kill(node_id)
        attack.tell(node=node_id)
        attack.wait(attack.chance.uniform(1.0, 8.0))
        attack.world.restart_broker(node_id)


def stop_broker(attack: Attack) -> None:
    """SIGSTOP: it keeps its connections and answers nothing, then wakes as a broker that was deposed."""
    with attack.world.broker_lock:
        node_id = attack.chance.choice(attack.world.kafka.node_ids)
        seconds = attack.chance.uniform(5.0, 20.0)
        attack.world.kafka.pause(node_id)
        attack.tell(node=node_id, seconds=round(seconds, 1))
        attack.wait(seconds)
        attack.world.kafka.resume(node_id)
        attack.world.await_in_sync()
