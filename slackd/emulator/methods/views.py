"""`views.*`: modals and Home tabs (the reference's pages of each method; "Modals")."""

from __future__ import annotations

from slackd.emulator.app_surfaces import MODALS
from slackd.emulator.blockkit import check_view, is_too_large
from slackd.emulator.methods.call import Json, Method, MethodCall, refuse
from slackd.slack_server.errors import MethodError


def _view(call: MethodCall, kind: str) -> Json:
    view = call.args.get("view")
    if is_too_large(view) and not call.lenient:
        raise MethodError("view_too_large")
    violations = [str(each) for each in check_view(view, kind)]
    readable = isinstance(view, dict) and isinstance(view.get("blocks"), list)
    if violations and not (call.lenient and readable):
        refuse("invalid_arguments", *violations)
    assert isinstance(view, dict)
    return view


def _external_id(call: MethodCall, view: Json, view_id: str | None = None) -> None:
    named = call.surfaces.named_view(None, view.get("external_id"))
    if named is not None and named["id"] != view_id:
        raise MethodError("duplicate_external_id")


def _open(call: MethodCall) -> Json:
    view = _view(call, "modal")
    _external_id(call, view)
    user = _use_trigger(call)
    return {"view": call.surfaces.keep_view(view, call.wall, user=user)}


def _push(call: MethodCall) -> Json:
    """On top of the modal that the person has open; three of them is the most ("views.push")."""
    view = _view(call, "modal")
    _external_id(call, view)
    user = _use_trigger(call)
    below = call.surfaces.top_modal(user)
    if below is None:
        raise MethodError("not_found")
    if call.surfaces.depth(below) >= MODALS:
        raise MethodError("push_limit_reached")
    return {"view": call.surfaces.keep_view(view, call.wall, below=below, user=user)}


def _use_trigger(call: MethodCall) -> str:
    """The person whose doing lets the app open a view; a trigger is used once."""
    trigger, pointer = call.text("trigger_id"), call.text("interactivity_pointer")
    if bool(trigger) is bool(pointer):
        refuse("invalid_arguments", "must provide one of trigger_id and interactivity_pointer")
    found = call.surfaces.triggers.get(trigger or pointer)
    if found is None:
        raise MethodError("invalid_trigger_id")
    until, user = found
    if (trigger or pointer) in call.surfaces.exchanged_triggers:
        raise MethodError("exchanged_trigger_id")
    call.surfaces.exchanged_triggers.add(trigger or pointer)
    if call.now > until:
        raise MethodError("expired_trigger_id")
    return user


def _update(call: MethodCall) -> Json:
    """A modal that the person has closed is no more ("views.update", `not_found`)."""
    view = call.surfaces.named_view(call.args.get("view_id"), call.args.get("external_id"))
    if view is None or not (call.lenient or view["type"] == "home" or view["id"] in call.surfaces.open_modals):
        raise MethodError("not_found")
    if call.args.get("hash") not in (None, "", view["hash"]):
        raise MethodError("hash_conflict")
    given = _view(call, view["type"])
    _external_id(call, given, view["id"])
    return {"view": call.surfaces.keep_view(given, call.wall, view_id=view["id"])}


def _publish(call: MethodCall) -> Json:
    """Everybody has one Home tab of the app; it is written anew."""
    user_id = call.required("user_id")
    if user_id not in call.workspace.people:
        if not call.lenient:
            refuse("invalid_arguments", "user_not_found [json-pointer:/user_id]")
        call.workspace.add_person(user_id)
    surfaces = call.surfaces
    view_id = surfaces.homes.get(user_id)
    if view_id is not None and call.args.get("hash") not in (None, "", surfaces.views[view_id]["hash"]):
        raise MethodError("hash_conflict")
    given = _view(call, "home")
    _external_id(call, given, view_id)
    view = surfaces.keep_view(given, call.wall, view_id=view_id)
    surfaces.homes[user_id] = view["id"]
    return {"view": view}


METHODS: dict[str, Method] = {
    "views.open": _open,
    "views.publish": _publish,
    "views.push": _push,
    "views.update": _update,
}
