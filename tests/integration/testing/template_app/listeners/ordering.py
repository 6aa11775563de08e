"""A shortcut opens a modal, whose menu asks for options; what is submitted is posted."""

VIEW = {
    "type": "modal",
    "callback_id": "order",
    "title": {"type": "plain_text", "text": "An order"},
    "submit": {"type": "plain_text", "text": "Order"},
    "blocks": [
        {
            "type": "input",
            "block_id": "where",
            "label": {"type": "plain_text", "text": "Where?"},
            "element": {"type": "conversations_select", "action_id": "conversation"},
        },
        {
            "type": "input",
            "block_id": "what",
            "label": {"type": "plain_text", "text": "What?"},
            "element": {"type": "plain_text_input", "action_id": "drink"},
        },
    ],
}


def opened(ack, shortcut, client):
    ack()
    client.views_open(trigger_id=shortcut["trigger_id"], view=VIEW)


def submitted(ack, view, body, client):
    values = view["state"]["values"]
    drink = values["what"]["drink"]["value"]
    if drink == "nothing":
        ack(response_action="errors", errors={"what": "Nothing isn't on the card"})
        return
    ack()
    client.chat_postMessage(
        channel=values["where"]["conversation"]["selected_conversation"],
        text=f"{drink} for <@{body['user']['id']}>",
        blocks=[
            {
                "type": "actions",
                "block_id": "order",
                "elements": [
                    {
                        "type": "button",
                        "action_id": "served",
                        "text": {"type": "plain_text", "text": "Served"},
                        "value": drink,
                    }
                ],
            }
        ],
    )


def served(ack, action, respond):
    ack()
    respond(f"{action['value']} is served", replace_original=True)


def register(app):
    app.shortcut("order")(opened)
    app.view("order")(submitted)
    app.action("served")(served)
