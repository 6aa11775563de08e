"""`assistant.threads.*` and `functions.*`: an assistant's threads, and custom steps of workflows."""

from __future__ import annotations

from typing import Final

from slackd.emulator.conversation import Conversation
from slackd.emulator.methods.call import Json, Method, MethodCall, refuse
from slackd.slack_server.errors import MethodError

MOST_PROMPTS: Final = 4
"""Suggested prompts of a thread ("assistant.threads.setSuggestedPrompts")."""


def _thread(call: MethodCall) -> tuple[Conversation, str]:
    conversation = call.conversation("channel_id")
    thread_ts = call.required("thread_ts", "invalid_thread_ts")
    if thread_ts not in conversation.messages:
        raise MethodError("invalid_thread_ts")
    return conversation, thread_ts


def _set_status(call: MethodCall) -> Json:
    if "status" not in call.args:
        refuse("invalid_arguments", "missing required field: status")
    conversation, thread_ts = _thread(call)
    status = call.text("status")
    if status:
        call.surfaces.thread_status[conversation.id, thread_ts] = status
    else:
        call.surfaces.thread_status.pop((conversation.id, thread_ts), None)
    return {}


def _set_title(call: MethodCall) -> Json:
    conversation, thread_ts = _thread(call)
    call.surfaces.thread_titles[conversation.id, thread_ts] = call.required("title")
    return {}


def _set_prompts(call: MethodCall) -> Json:
    """Of a thread, or without `thread_ts` of the whole conversation."""
    if call.text("thread_ts"):
        conversation, thread_ts = _thread(call)
    else:
        conversation, thread_ts = call.conversation("channel_id"), ""
    prompts = call.args.get("prompts")
    if not isinstance(prompts, list) or not prompts:
        refuse("invalid_arguments", "missing required field: prompts")
    if len(prompts) > MOST_PROMPTS:
        refuse("invalid_arguments", f"no more than {MOST_PROMPTS} items allowed [json-pointer:/prompts]")
    for number, prompt in enumerate(prompts):
        if not isinstance(prompt, dict) or not prompt.get("title") or not prompt.get("message"):
            refuse(
                "invalid_arguments",
                f"missing required field: title or message [json-pointer:/prompts/{number}]",
            )
    call.surfaces.suggested_prompts[conversation.id, thread_ts] = {
        "title": call.text("title"),
        "prompts": prompts,
    }
    return {}


def _execution(call: MethodCall) -> Json:
    execution = call.surfaces.executions.get(call.required("function_execution_id"))
    if execution is None:
        raise MethodError("function_execution_not_found")
    if execution["status"] != "running":
        raise MethodError("execution_not_in_running_state")
    return execution


def _complete(call: MethodCall) -> Json:
    execution = _execution(call)
    outputs = call.args.get("outputs")
    if not isinstance(outputs, dict):
        refuse("invalid_arguments", "missing required field: outputs")
    execution |= {"status": "completed", "outputs": outputs}
    return {}


def _fail(call: MethodCall) -> Json:
    execution = _execution(call)
    execution |= {"status": "failed", "error": call.required("error")}
    return {}


METHODS: dict[str, Method] = {
    "assistant.threads.setStatus": _set_status,
    "assistant.threads.setSuggestedPrompts": _set_prompts,
    "assistant.threads.setTitle": _set_title,
    "functions.completeError": _fail,
    "functions.completeSuccess": _complete,
}
