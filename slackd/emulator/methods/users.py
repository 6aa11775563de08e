"""`users.*`, `bots.info`, `team.*`, `dnd.*`, `emoji.list`: who and what there is (the reference's pages)."""

from __future__ import annotations

from slackd.emulator.methods.call import Json, Method, MethodCall
from slackd.emulator.people import Person
from slackd.slack_server.errors import MethodError


def _described(call: MethodCall, person: Person) -> Json:
    """The user object, with an email address for those who may have it (`users:read.email`, "User object")."""
    described = person.described(call.app.team_id)
    if call.context.settings.enforces_scopes and "users:read.email" not in call.app.scopes:
        described["profile"].pop("email", None)
    return described


def _info(call: MethodCall) -> Json:
    about = _described(call, call.person())
    return {"user": about | ({"locale": "en-US"} if call.flag("include_locale") else {})}


def _list(call: MethodCall) -> Json:
    everybody = [_described(call, person) for person in call.workspace.people.values()]
    page, metadata = call.page(everybody)
    return {"members": page, "cache_ts": int(call.wall), "response_metadata": metadata}


def _by_email(call: MethodCall) -> Json:
    email = call.required("email", "users_not_found")
    for person in call.workspace.people.values():
        if person.app is None and person.email == email:
            return {"user": _described(call, person)}
    raise MethodError("users_not_found")


def _profile(call: MethodCall) -> Json:
    person = call.person() if call.text("user") else call.workspace.people[call.bot]
    return {"profile": _described(call, person)["profile"]}


def _presence(call: MethodCall) -> Json:
    person = call.person() if call.text("user") else call.workspace.people[call.bot]
    return {"presence": person.presence}


def _set_presence(call: MethodCall) -> Json:
    presence = call.required("presence", "invalid_presence")
    if presence not in ("auto", "away"):
        raise MethodError("invalid_presence")
    call.workspace.people[call.bot].presence = "active" if presence == "auto" else "away"
    return {}


def _bot(call: MethodCall) -> Json:
    """Any app's bot of this workspace; without `bot` the caller's own."""
    wanted = call.text("bot") or call.app.bot_id
    app = next((each for each in call.workspace.apps if each.bot_id == wanted), None)
    if app is None:
        raise MethodError("bot_not_found")
    return {
        "bot": {
            "id": app.bot_id,
            "deleted": False,
            "name": app.name,
            "updated": 1_700_000_000,
            "app_id": app.app_id,
            "user_id": app.bot_user_id,
            "icons": {"image_36": "", "image_48": "", "image_72": ""},
        }
    }


def _team(call: MethodCall) -> Json:
    app = call.app
    if call.text("team", app.team_id) != app.team_id:
        raise MethodError("team_not_found")
    return {
        "team": {
            "id": app.team_id,
            "name": app.team_domain,
            "url": f"https://{app.team_domain}.slack.com/",
            "domain": app.team_domain,
            "email_domain": "example.com",
            "icon": {"image_default": True},
            "avatar_base_url": "https://ca.slack-edge.com/",
            "is_verified": False,
        }
    }


def _team_profile(call: MethodCall) -> Json:
    return {"profile": {"fields": [], "sections": []}}


def _dnd(call: MethodCall) -> Json:
    if call.text("user"):
        call.person()
    return {"dnd_enabled": False, "next_dnd_start_ts": 1, "next_dnd_end_ts": 1, "snooze_enabled": False}


def _team_dnd(call: MethodCall) -> Json:
    if not call.names("users"):
        raise MethodError("no_users_provided")
    resting = {"dnd_enabled": False, "next_dnd_start_ts": 1, "next_dnd_end_ts": 1}
    return {"users": {user: resting for user in call.names("users") if user in call.workspace.people}}


def _emoji(call: MethodCall) -> Json:
    """This workspace has no emoji of its own."""
    return {"emoji": {}, "cache_ts": f"{call.wall:.6f}", "categories_version": "5", "categories": []}


def _teams(call: MethodCall) -> Json:
    return {
        "teams": [{"id": call.app.team_id, "name": call.app.team_domain}],
        "response_metadata": {"next_cursor": ""},
    }


METHODS: dict[str, Method] = {
    "auth.teams.list": _teams,
    "bots.info": _bot,
    "dnd.info": _dnd,
    "dnd.teamInfo": _team_dnd,
    "emoji.list": _emoji,
    "team.info": _team,
    "team.profile.get": _team_profile,
    "users.getPresence": _presence,
    "users.info": _info,
    "users.list": _list,
    "users.lookupByEmail": _by_email,
    "users.profile.get": _profile,
    "users.setPresence": _set_presence,
}
