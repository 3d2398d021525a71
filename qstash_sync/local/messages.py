"""The one route of messages that shows in the account: a message makes its flow-control key.

Nothing is delivered here, so a message without a key is no endpoint of ours, and none is kept.
"""

import secrets
from http import HTTPStatus

from qstash_sync.local import flow
from qstash_sync.local.answers import Call, RefusedError
from qstash_sync.local.schedules import destination
from qstash_sync.local.settings import flow_control, sent_by_name
from qstash_sync.local.store import Document


def publish(call: Call) -> Document:
    """POST /v2/publish/{destination} with a flow-control key, which exists from now on."""
    sent = sent_by_name(call)
    if "Upstash-Flow-Control-Key" not in sent:
        raise RefusedError(
            HTTPStatus.NOT_FOUND, "no message is delivered here: publish is no endpoint"
        )
    destination(call)
    key = {"flowControlKey": sent["Upstash-Flow-Control-Key"]}
    flow.use(call.store, key | flow_control(sent))
    return {"messageId": f"msg_{secrets.token_hex(16)}"}


def delete(_call: Call) -> None:
    """DELETE /v2/messages/{id}: none is kept."""
