"""A configuration folder to write files into, and what loading it says."""

from pathlib import Path

import pytest

from slackd.config import Config, InvalidConfig, load


class ConfigFolder:
    """`slackd.toml`, empty at first, beside a `plugins.d`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "plugins.d").mkdir(exist_ok=True)
        self.write("slackd.toml", "")

    def write(self, name: str, text: str | bytes) -> Path:
        """A file that anybody may read: slackd.toml, or plugins.d/NAME.toml."""
        file = self.path / name
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        file.chmod(0o644)
        return file

    def load(self) -> Config:
        return load(self.path / "slackd.toml", environ={"STATE_DIRECTORY": "/s", "RUNTIME_DIRECTORY": "/r"})

    def problems(self) -> list[str]:
        """Every problem as a line, with the folder's own path left out."""
        with pytest.raises(InvalidConfig) as caught:
            self.load()
        return [str(problem).replace(f"{self.path}/", "") for problem in caught.value.problems]

    def problems_of(self, daemon: str = "", /, **plugins: str) -> list[str]:
        """What is wrong with these texts: the daemon's file, and one for each plugin by name."""
        self.write("slackd.toml", daemon)
        for name, text in plugins.items():
            self.write(f"plugins.d/{name}.toml", text)
        return self.problems()
