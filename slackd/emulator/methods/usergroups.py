"""`usergroups.*`: groups of people that are mentioned together (the reference's pages of each method)."""

from __future__ import annotations

from slackd.emulator.methods.call import Json, Method, MethodCall
from slackd.slack_server.errors import MethodError


def _create(call: MethodCall) -> Json:
    name = call.required("name", "missing_subteam_name")
    handle = call.text("handle") or name.lower().replace(" ", "-")
    for other in call.workspace.user_groups.values():
        if other["name"] == name:
            raise MethodError("name_already_exists")
        if other["handle"] == handle:
            raise MethodError("handle_already_exists")
    group_id = call.context.ids.slack_id("S")
    now = int(call.wall)
    group: Json = {
        "id": group_id,
        "team_id": call.app.team_id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": name,
        "description": call.text("description"),
        "handle": handle,
        "is_external": False,
        "date_create": now,
        "date_update": now,
        "date_delete": 0,
        "auto_type": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": call.bot,
        "updated_by": call.bot,
        "deleted_by": None,
        "prefs": {"channels": call.names("channels"), "groups": []},
        "users": [],
        "user_count": 0,
        "channel_count": len(call.names("channels")),
    }
    call.workspace.user_groups[group_id] = group
    return {"usergroup": dict(group)}


def _group(call: MethodCall) -> Json:
    group = call.workspace.user_groups.get(call.required("usergroup", "no_such_subteam"))
    if group is None:
        raise MethodError("no_such_subteam")
    return group


def _list(call: MethodCall) -> Json:
    groups = [
        dict(group)
        for group in call.workspace.user_groups.values()
        if not group["date_delete"] or call.flag("include_disabled")
    ]
    for group in groups:
        if not call.flag("include_users"):
            group.pop("users")
        if not call.flag("include_count"):
            group.pop("user_count")
    return {"usergroups": groups}


def _update(call: MethodCall) -> Json:
    group = _group(call)
    for name in ("name", "handle", "description"):
        if name in call.args:
            group[name] = call.text(name)
    if "channels" in call.args:
        group["prefs"] = {**group["prefs"], "channels": call.names("channels")}
    return _touched(call, group)


def _touched(call: MethodCall, group: Json) -> Json:
    group |= {"date_update": int(call.wall), "updated_by": call.bot}
    return {"usergroup": dict(group)}


def _enable(call: MethodCall) -> Json:
    group = _group(call)
    group |= {"date_delete": 0, "deleted_by": None}
    return _touched(call, group)


def _disable(call: MethodCall) -> Json:
    group = _group(call)
    group |= {"date_delete": int(call.wall), "deleted_by": call.bot}
    return _touched(call, group)


def _users(call: MethodCall) -> Json:
    return {"users": list(_group(call)["users"])}


def _update_users(call: MethodCall) -> Json:
    group, users = _group(call), call.names("users")
    if not users:
        raise MethodError("no_users_provided")
    if not set(users) <= call.workspace.people.keys():
        raise MethodError("invalid_users")
    group |= {"users": users, "user_count": len(users)}
    return _touched(call, group)


METHODS: dict[str, Method] = {
    "usergroups.create": _create,
    "usergroups.disable": _disable,
    "usergroups.enable": _enable,
    "usergroups.list": _list,
    "usergroups.update": _update,
    "usergroups.users.list": _users,
    "usergroups.users.update": _update_users,
}
