"""Files of an emulated workspace (source: the reference's "File object")."""

from __future__ import annotations

import mimetypes
from typing import Any

import attrs

Json = dict[str, Any]

KEPT_BYTES = 64 * 1024 * 1024
"""Bytes of one file that are taken."""


@attrs.define(kw_only=True)
class EmulatedFile:
    """A file, whose upload may still be under way.

    Attributes:
        content: None until it was uploaded.
        completed: whether `files.completeUploadExternal` has made it visible.
        shares: where it was shared: by conversation, the `ts` of the messages.
        is_public: whether one of these is a public channel.
    """

    id: str
    name: str
    user: str
    created: int
    title: str = ""
    alt_text: str = ""
    length: int = 0
    content: bytes | None = None
    completed: bool = False
    is_public: bool = False
    shares: dict[str, list[str]] = attrs.field(factory=dict)

    def described(self, team_id: str, team_domain: str, base_url: str) -> Json:
        """The file object, as the Web API and events give it."""
        mimetype = mimetypes.guess_type(self.name)[0] or "application/octet-stream"
        filetype = self.name.rpartition(".")[2].lower() if "." in self.name else "binary"
        private = f"{base_url}/files-pri/{team_id}-{self.id}/{self.name}"
        size = len(self.content) if self.content is not None else self.length
        described: Json = {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": mimetype,
            "filetype": filetype,
            "pretty_type": filetype.upper(),
            "user": self.user,
            "user_team": team_id,
            "editable": False,
            "size": size,
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": self.is_public,
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "url_private": private,
            "url_private_download": private,
            "permalink": f"https://{team_domain}.slack.com/files/{self.user}/{self.id}/{self.name}",
            "permalink_public": f"https://slack-files.com/{team_id}-{self.id}",
            "comments_count": 0,
            "is_starred": False,
            "shares": self._described_shares(),
            "channels": [each for each in self.shares if each[:1] == "C"],
            "groups": [each for each in self.shares if each[:1] == "G"],
            "ims": [each for each in self.shares if each[:1] == "D"],
            "has_more_shares": False,
            "has_rich_preview": False,
            "file_access": "visible",
        }
        if self.alt_text:
            described["alt_txt"] = self.alt_text
        return described

    def _described_shares(self) -> Json:
        shares: Json = {}
        for channel, stamps in self.shares.items():
            reach = "public" if channel[:1] == "C" else "private"
            shares.setdefault(reach, {})[channel] = [{"ts": ts} for ts in stamps]
        return shares
