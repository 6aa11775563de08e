"""The events that slackd logs, each with its MESSAGE_ID: what a message says may be worded anew with every
release, its id stays, so that `journalctl MESSAGE_ID=…`, alerts and the message catalog go on working.

Ids are random (`systemd-id128 new`), never reused and never changed. A record whose event isn't listed here is
logged all the same, without an id.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from slackd.systemd import message_ids as ids

MESSAGE_IDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "service-ready": "a40895a5ca404ae4bc4b3d5de0301040",
        "service-stopping": "523cea37c65e48499cc73593bb5747d7",
        "service-failed": "5c70fa262a474fb98777e6b5d0c69823",
        "config-left-out": ids.CONFIG_LEFT_OUT,
        "config-on-disk": ids.CONFIG_ON_DISK,
        "config-unusable": ids.CONFIG_UNUSABLE,
        "config-warning": "9f18a9e722194e4b87f736c82272640f",
        "credential-unusable": "88acc232ba4b46fd9b6184d0c2caa5c0",
        "rolling-restart-refused": ids.RESTART_REFUSED,
        "rolling-restart-stopped": ids.RESTART_STOPPED,
        "rolling-restart-done": ids.RESTART_DONE,
        "rolling-restart-not-ready": "b57d810471227cc3f6e5d3b58a296423",
        "connection-dialling": "581a222b7324405784b04169511b902c",
        "connection-ready": "ae54b563a4ac47da91ecb234b7f69a1f",
        "connection-leaving": "ca951f8150204cefbbda039b6a3d70b5",
        "connection-retiring": "94d227cb5e21497d9b5c21a58c4fd9d3",
        "connection-closed": "3a04b567d2ee47bd891513518e4a4219",
        "disconnect-unknown": "79f7f73c656b4d7d8847bae1b0dd57bf",
        "acknowledgements-come-back": "cf7be832f91545b6b055a467d84f2128",
        "acknowledgement-too-large": "2a04510093e540b4547ce5bda57cdb9b",
        "no-place": "377bbb63a3e3463cb6743023caa002ac",
        "retry-asked": "5b0b4c4f50594ec38c8e4525c9231ae2",
        "rotation-waits": "32f23826427e4c2896e97eb759a9722a",
        "app-trouble": ids.APP_REFUSED,
        "app-recovered": "ad04bb9c5ae54b16aa0806b16af3d828",
        "foreign": ids.FOREIGN,
        "deaf": ids.APP_DEAF,
        "hearing-again": ids.APP_HEARD_AGAIN,
        "connector-drains": "7cbf87c8a7b541d29806f1e885d15358",
        "deadline-without-broker": "466eb8866ae6654cc86872163c8557be",
        "waiting-ended": "7b50750309f04441a16cdd8dff23ae71",
        "drain-cut-short": "45d25a4eb5994b8480f7ac2a849854cf",
        "reading-paused": "c518572ce5fe41eb9ef5f26e44856a30",
        "reading-resumed": "f95f8bb7c33b4928bc4fa0205558540a",
        "envelopes-refused": "2f5b891a0e8e461aa486b8dabe3e7098",
        "link-up": "e4c84c9e30b0443c9161fb3b8aae199b",
        "link-down": "0c4ef70e69454059afc66d9fa5c140dd",
        "link-away": "14c19091f84143339f7494f6d1ae0a78",
        "link-version": "10fb4742b8bf4776ad583267a98da5ba",
        "link-malformed": "dac7b276bcbd49669b0153e132f93ec4",
        "link-unknown": "6f65aaffadb14d78ab01f0df73095bc7",
        "link-unsendable": "2c2d18a4c9074011b9401ab8c7a40313",
        "journal-refused": ids.JOURNAL_UNWRITABLE,
        "journal-writable": ids.JOURNAL_WRITABLE_AGAIN,
        "journal-unreadable": "80c32c70e8664a23a6e207569bafd3ba",
        "journal-damaged": ids.JOURNAL_DAMAGED,
        "journal-new": "d3822b98588f4a068bd85e258676e9d6",
        "journal-lost": "7e188caff1954947b73452fbd212e7a5",
        "retention-failed": "2d0a17968b434a719ff0f45bc6d047bb",
        "no-note": "4574bf579ab34fa0ade55caad32b3dbe",
        "handler-unmatched": "581d0a90bd1848af92fc88c5dd536f4d",
        "duplicates": "419f53312ffa49cb88b081187d12958c",
        "key-held-up": "e30a6b9208a8439fab8eae374dbfa763",
        "identity-unknown": "e8a23748564d42efadb7a0313160a954",
        "backlog-dead_lettered": ids.BACKLOG_CUT,
        "dead-letters-dropped": ids.LETTERS_DROPPED,
        "delivery-dead": ids.DEAD_LETTER,
        "session-began": "2a54065f160e438f9033be42c37e12ba",
        "session-ended": "91a16fb6171f45dda17a8a230e93c7cc",
        "plugin-refused": ids.PLUGIN_REFUSED,
        "descriptors-exhausted": ids.DESCRIPTORS_EXHAUSTED,
        "plugin-log": "18ed93ded38a47ab93d3795b880126a9",
        "response-too-large": "817435c7ac9a4485a150952ae299ee94",
        "response-url-failed": "256fc5dddd30467ebc54c45d1fc7ca78",
        "backup": "81201e3fdaba440e8843f9336c2e78b1",
        "backup-failed": "64df7b4971b64a64a47a34c7f4ea1f40",
        "deadletters-retried": "e9ee4ee24a2345308852fbc0f9abbf7b",
        "deadletters-discarded": "f7c6a712d90649b48954b346515bd3c3",
        "replayed": "865b071e5eab46ea88136dcf4bab5fb5",
        "gateway-app-connected": "8fecff546d2a34006131ff829590a375",
        "gateway-app-gone": "c0fdedc1eb10a2a7a2df3693b445280e",
        "gateway-file-broken": "1f0e8a4d5d8b4ae0a4c0a1b7de0c93f2",
        "gateway-refused": "9e72380ddbd378b39c04793927fabc47",
        "gateway-post-failed": "734b68f1ae34dcfb201178ee49f8d396",
        "gateway-no-broker": "00697e207b8e4fa9509db3605ac44ac1",
        "gateway-complaint": "2dc4aa5d70cbbf88aaee310d81b951fa",
    }
)
"""An event's name to 32 hexadecimal digits."""
