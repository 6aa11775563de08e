"""The events that slackd logs, each with its MESSAGE_ID: what a message says may be worded anew with every
release, its id stays, so that `journalctl MESSAGE_ID=…`, alerts and the message catalog go on working.

Ids are random (`systemd-id128 new`), never reused and never changed. A record whose event isn't listed here is
logged all the same, without an id.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from slackd.service import message_ids as ids

MESSAGE_IDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "service-ready": "a40895a5ca404ae4bc4b3d5de0301040",
        "service-stopping": "523cea37c65e48499cc73593bb5747d7",
        "config-warning": "9f18a9e722194e4b87f736c82272640f",
        "config-invalid": "fe86b65411f243c482c5f23a7c5b2513",
        "connection-dialling": "581a222b7324405784b04169511b902c",
        "connection-ready": "ae54b563a4ac47da91ecb234b7f69a1f",
        "connection-warned": "08e5e1f452584b9cb683eb1720ba4528",
        "connection-leaving": "ca951f8150204cefbbda039b6a3d70b5",
        "connection-retiring": "94d227cb5e21497d9b5c21a58c4fd9d3",
        "connection-closed": "3a04b567d2ee47bd891513518e4a4219",
        "connection-lost": "45e90af2212d4579898a05019f57a687",
        "connection-stalled": "034328c6f6c44321834469c26b07d45c",
        "connection-backoff": "194dd6384398487583d83af24a89feeb",
        "connection-ghost": "4b4fed2ae88d4a548e3734d95449d0ac",
        "connection-strangers": ids.STRANGERS,
        "budget-exhausted": "7ff96bf2f7a245169f69d56691dc8da8",
        "app-trouble": ids.APP_REFUSED,
        "app-recovered": "ad04bb9c5ae54b16aa0806b16af3d828",
        "gap-began": ids.APP_DEAF,
        "gap-ended": ids.APP_HEARD_AGAIN,
        "credential-unusable": "88acc232ba4b46fd9b6184d0c2caa5c0",
        "token-rotated": "ad29c937c77044f9a672bee65cced170",
        "link-up": "e4c84c9e30b0443c9161fb3b8aae199b",
        "link-down": "0c4ef70e69454059afc66d9fa5c140dd",
        "link-away": "14c19091f84143339f7494f6d1ae0a78",
        "link-version": "10fb4742b8bf4776ad583267a98da5ba",
        "link-malformed": "dac7b276bcbd49669b0153e132f93ec4",
        "link-unknown": "6f65aaffadb14d78ab01f0df73095bc7",
        "link-unsendable": "2c2d18a4c9074011b9401ab8c7a40313",
        "journal-opened": "984968ebdb644632ab0a372a38967e39",
        "journal-locked": "c2d0cb1856a14e039d78779950893aeb",
        "journal-unwritable": ids.JOURNAL_UNWRITABLE,
        "journal-writable": ids.JOURNAL_WRITABLE_AGAIN,
        "journal-damaged": "acdef0d35db24b8899e5bc4ab77c527c",
        "envelope-unparsable": "1e98aeab35e94ada9ad50fd792d5a761",
        "envelope-unclaimed": "3613c2a620ab444596765914d7115850",
        "envelope-late": "72a5eed6e25446e1bb383676a68011a1",
        "envelope-expired": "f1fb892dd15249568c099191eba3ce0b",
        "delivery-retried": "da0f15086ded40e9b5fbaff7b0ab71bd",
        "delivery-dead": ids.DEAD_LETTER,
        "backlog-trimmed": ids.BACKLOG_CUT,
        "plugin-connected": "1ecbd3ea1d2044199cdcdd3d06389e6f",
        "plugin-left": "f420befe7bc844dba9abeb00c6b70795",
        "plugin-absent": "a17aa7fea4d044c4892ac02210f41a61",
        "plugin-refused": ids.PLUGIN_REFUSED,
        "plugin-misbehaved": "def53f51aeab433f9a953d7decc41b0b",
        "plugin-log": "18ed93ded38a47ab93d3795b880126a9",
        "response-too-large": "817435c7ac9a4485a150952ae299ee94",
        "response-late": "5fb23feff36b42e28c50f847b4510ff3",
        "call-refused": "238b4ec5f6c6499cbd9b0f0b0a1f6fd8",
        "call-failed": "53c4dfa9348843479355c036be02b2a1",
        "call-limited": "90a3b0a9c2ee4e228c6afa6f8a023e21",
        "control-action": "7c3d1d2de70c454c9d9d26dba43c7112",
        "socket-bound": "cd6655832b1944438b99e29310689488",
        "roll-refused": ids.ROLL_REFUSED,
        "roll-stopped": ids.ROLL_STOPPED,
        "roll-done": ids.ROLL_DONE,
    }
)
"""An event's name to 32 hexadecimal digits."""
