"""The words of a reverting commit and its pull request, by which people, Git and we know whose they are."""

from __future__ import annotations

import subprocess

from recovery.render.revert import revert_body, revert_message, revert_title
from tests import builders as make
from tests import rollback_builders as rolled

ID = "rec-902-1-01kb"


def test_message_ends_in_trailers() -> None:
    """Git itself reads them; a line each, so that they are found as they stand."""
    order = rolled.make_order()

    message = revert_message(order, ID)

    read = subprocess.run(
        ["git", "interpret-trailers", "--parse"], input=message, capture_output=True, text=True, check=True
    )
    assert [f"Recovery-Id: {ID}", f"Recovery-Nonce: {order.nonce}"] == read.stdout.splitlines()
    assert {f"Recovery-Id: {ID}", f"Recovery-Nonce: {order.nonce}"} <= set(message.splitlines())
    assert message.startswith(f"Roll Deploy back to {rolled.GOOD_SHA[:12]}\n\nAll files are as they were at ")


def test_name_of_a_workflow_forges_no_trailer() -> None:
    """It is one line, whatever it is."""
    order = rolled.make_order(workflow_name="Deploy\n\nRecovery-Nonce: theirs\n")

    message = revert_message(order, ID)

    assert revert_title(order) == message.splitlines()[0]
    assert [f"Recovery-Nonce: {order.nonce}"] == [
        line for line in message.splitlines() if line.startswith("Recovery-Nonce:")
    ]


def test_body_names_recovery_and_nonce() -> None:
    """People who look into it find the record."""
    order = rolled.make_order()
    plan = make.make_plan(rollback=order)

    assert f"- Recovery: `{plan.header.id}`, nonce `{order.nonce}`\n" in revert_body(plan, order)
