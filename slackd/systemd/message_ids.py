"""The MESSAGE_ID of each message that `journalctl -x` explains (the texts stand in systemd/slackd.catalog)."""

from typing import Final

APP_DEAF: Final = "66e091a67b5f42429e6dcd2144628d83"
APP_HEARD_AGAIN: Final = "544ab2f5375749faa3194df4fb52bab7"
APP_REFUSED: Final = "22eaab12bcaa482d9a9915ebd8670a2b"
FOREIGN: Final = "ca5b564e01464f23aca1de8d88a612c6"
JOURNAL_UNWRITABLE: Final = "038ba0c9b33248ba9a23406d5ba1132a"
JOURNAL_WRITABLE_AGAIN: Final = "ee6b0494b44d49e1bf9c1a2df7109959"
BACKLOG_CUT: Final = "7359ebaa091b40c5b96c04eb5726a7de"
DEAD_LETTER: Final = "ac8a7a0fbd364d0e866749d45de71360"
PLUGIN_REFUSED: Final = "9d34451f18104217af6f286da7203e21"
RESTART_REFUSED: Final = "3e44f030def1407eaef315f706f03db5"
RESTART_STOPPED: Final = "4e197af3c88d4bb89436ca071775d174"
RESTART_DONE: Final = "e03fa84e43e243e59733b6e9ed53b0c4"
DESCRIPTORS_EXHAUSTED: Final = "d6f0d294f2b84cef8956261ae6293add"
