"""The checker believes an honest receiver, and finds in each dishonest log exactly what is wrong with it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from tests.chaos.test_check import World, sending, world

__all__ = ["sending", "world"]

OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="


def jobs_of(world: World) -> dict[str, str]:
    """Return the jobs by the fate that was meant for them."""
    return {line["fate"]: line["job"] for line in world.log if line["what"] == "accepted"}


def of_job(world: World, job: str) -> list[dict[str, Any]]:
    """Return what came of one job."""
    return [line for line in world.received if json.loads(line["body"])["data"]["job_id"] == job]


def signed(line: dict[str, Any], secret: str, **headers: str) -> dict[str, Any]:
    """Return a message with other headers, signed as an honest sender would sign it."""
    told = {**line["headers"], **headers}
    at = datetime.fromtimestamp(int(told["webhook-timestamp"]), UTC)
    told["webhook-signature"] = Webhook(secret).sign(told["webhook-id"], at, line["body"])
    return {**line, "headers": told}


def secret_of(world: World) -> str:
    return str(world.log[0]["secret"])


def lose_the_end(world: World) -> None:
    world.received.remove(of_job(world, jobs_of(world)["fine"])[-1])


def lose_the_beginning(world: World) -> None:
    world.received.remove(of_job(world, jobs_of(world)["poison"])[0])


def lose_everything(world: World) -> None:
    world.received.clear()


def tell_the_end_under_another_id(world: World) -> None:
    end = of_job(world, jobs_of(world)["cancelled"])[-1]
    world.received.append(signed(end, secret_of(world), **{"webhook-id": f"msg_{uuid.uuid4().hex}"}))


def tell_the_second_first(world: World) -> None:
    first, second = of_job(world, jobs_of(world)["fine"])[:2]
    here, there = world.received.index(first), world.received.index(second)
    world.received[here], world.received[there] = second, first


def change_a_letter(world: World) -> None:
    world.received[2]["body"] = world.received[2]["body"].replace('"kind":"render"', '"kind":"Render"')


def sign_with_another_secret(world: World) -> None:
    world.received[1] = signed(world.received[1], OTHER)


def sign_nothing(world: World) -> None:
    del world.received[0]["headers"]["webhook-signature"]


def send_too_late(world: World) -> None:
    world.received[0]["at"] += 302


def send_where_nobody_listens(world: World) -> None:
    world.received.append({**world.received[0], "path": "/9"})


def tell_a_stranger(world: World) -> None:
    made = {"what": "listening", "webhook": str(uuid.uuid4()), "path": "/1", "secret": OTHER}
    world.log.append({**made, "at": world.log[0]["at"]})
    world.received.append({**signed(world.received[0], OTHER), "path": "/1"})


DISHONEST: dict[str, tuple[Callable[[World], None], ...]] = {
    "unheard": (lose_the_end, lose_the_beginning, lose_everything),
    "end told twice": (tell_the_end_under_another_id,),
    "told out of order": (tell_the_second_first,),
    "bad signature": (
        *(change_a_letter, sign_with_another_secret, sign_nothing, send_too_late),
        send_where_nobody_listens,
    ),
    "foreign message": (tell_a_stranger,),
}


def test_each_dishonest_log_is_found_and_nothing_else_is_blamed(world: World) -> None:
    log, received = json.dumps(world.log), json.dumps(world.received)
    found = {}
    for name, defects in DISHONEST.items():
        for defect in defects:
            world.log, world.received = json.loads(log), json.loads(received)
            defect(world)
            assert (world.log, world.received) != (json.loads(log), json.loads(received)), defect
            found[defect.__name__] = (world.broken(), {name})
    assert {name: broken for name, (broken, _) in found.items()} == {name: want for name, (_, want) in found.items()}


def test_a_job_that_tells_of_another_end_than_it_came_to_is_found(world: World) -> None:
    fine = jobs_of(world)["fine"]
    end = of_job(world, fine)[-1]
    end["body"] = end["body"].replace("job.succeeded", "job.failed")
    end["headers"] = signed(end, secret_of(world))["headers"]
    wrong = world.judged().wrong
    assert {name for name, found in wrong.items() if found} == {"unheard"}
    assert any(text == f"{fine} has succeeded, and told job.failed" for text in wrong["unheard"])


def test_messages_may_come_again_whenever_and_under_a_new_signature(world: World) -> None:
    secret = secret_of(world)
    world.received += [
        signed(line, secret, **{"webhook-timestamp": str(int(line["headers"]["webhook-timestamp"]) + 100)})
        for line in world.received
    ]
    assert world.broken() == set()
    assert world.judged().counts["messages"] == {"came": 16, "came again": 8}


def test_the_secret_before_may_sign_beside_the_one_that_is_good(world: World) -> None:
    for line in world.received:
        line["headers"]["webhook-signature"] = f"v1,b2xk {line['headers']['webhook-signature']}"
    assert world.broken() == set()
