"""The people of an emulated workspace, bots among them (source: the reference's "User object")."""

from __future__ import annotations

from typing import Any, Final

import attrs

from slackd.emulator.settings import EmulatedApp

Json = dict[str, Any]

DEFAULT_USER: Final = "U0ALICE0001"
_ENDINGS: Final = "0123456789"


@attrs.define(kw_only=True)
class Person:
    """A member of the workspace.

    Attributes:
        name: the handle, as in `user_name` of a slash command.
        app: the app whose bot this is, or None for a person.
        profile: fields of the profile that were set, over those that follow from the name.
    """

    id: str
    name: str
    real_name: str = ""
    title: str = ""
    app: EmulatedApp | None = None
    is_admin: bool = False
    presence: str = "active"
    profile: Json = attrs.field(factory=dict)

    @property
    def email(self) -> str:
        """The address, by which `users.lookupByEmail` finds this person."""
        return str(self.profile.get("email") or f"{self.name}@example.com")

    def described_profile(self, team_id: str) -> Json:
        """The profile as `users.profile.get` gives it."""
        real_name = self.real_name or self.name
        first, _, last = real_name.partition(" ")
        described: Json = {
            "title": self.title,
            "phone": "",
            "skype": "",
            "real_name": real_name,
            "real_name_normalized": real_name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "fields": None,
            "status_text": "",
            "status_emoji": "",
            "status_emoji_display_info": [],
            "status_expiration": 0,
            "avatar_hash": f"g{self.id[-8:].lower()}",
            "first_name": first,
            "last_name": last,
            "status_text_canonical": "",
            "team": team_id,
            "is_custom_image": False,
            **{f"image_{size}": "" for size in (24, 32, 48, 72, 192, 512)},
        }
        if self.app is not None:
            described |= {"bot_id": self.app.bot_id, "api_app_id": self.app.app_id, "always_active": True}
        else:
            described["email"] = self.email
        return described | self.profile

    def described(self, team_id: str) -> Json:
        """The user object as `users.info` gives it."""
        profile = self.described_profile(team_id)
        is_bot = self.app is not None
        return {
            "id": self.id,
            "team_id": team_id,
            "name": self.name,
            "deleted": False,
            "color": "9f69e7",
            "real_name": profile["real_name"],
            "tz": "Etc/UTC",
            "tz_label": "Coordinated Universal Time",
            "tz_offset": 0,
            "profile": profile,
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": False,
            "is_ultra_restricted": False,
            "is_bot": is_bot,
            "is_app_user": False,
            "is_email_confirmed": not is_bot,
            "updated": 1_700_000_000,
            "who_can_share_contact_card": "EVERYONE",
        }


def default_people() -> list[Person]:
    """Who is in every emulated workspace."""
    return [
        Person(id=DEFAULT_USER, name="alice", real_name="Alice Arnold", title="Engineer", is_admin=True),
        Person(id="U0BOB000001", name="bob", real_name="Bob Brand", title="Operations"),
        Person(id="U0CAROL0001", name="carol", real_name="Carol Castro", title="Product"),
    ]


def bot_person(app: EmulatedApp) -> Person:
    """The bot user of an app."""
    return Person(id=app.bot_user_id, name=app.name, real_name=app.name, app=app)


def name_of(slack_id: str) -> str:
    """A name for somebody or something of which only the id is known."""
    return slack_id[1:].lstrip("0").rstrip(_ENDINGS).lower() or slack_id.lower()
