"""Journeys over the emulator's page in a real browser without a screen; each leaves a screenshot."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings
from tests.integration.emulator.page_app import declare

selenium = pytest.importorskip("selenium", reason="selenium comes with the dev extra")
from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
OUTPUT = Path(__file__).parents[3] / "build" / "journeys"
PATIENCE = 20.0

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="chromium and chromium-driver are not installed"
)


class Page:
    """The page, in the words of who uses it."""

    def __init__(self, browser: webdriver.Chrome) -> None:
        self.browser = browser

    def open(self, url: str) -> None:
        self.browser.get(f"{url}/")
        self.browser.execute_script("localStorage.clear()")
        self.browser.get(f"{url}/")
        self.until(lambda: self.find("#text"))

    def find(self, css: str) -> Any:
        found = self.browser.find_elements(By.CSS_SELECTOR, css)
        return found[-1] if found else None

    def until(self, found: Callable[[], Any], what: str = "it") -> Any:
        wait = WebDriverWait(self.browser, PATIENCE, poll_frequency=0.05, ignored_exceptions=[Exception])
        return wait.until(lambda _: found(), f"waited for {what}")

    def shows(self, words: str, css: str = "#messages") -> None:
        self.until(lambda: words in self.find(css).text, f"{words!r} in {css}")

    def say(self, words: str) -> None:
        self.find("#text").send_keys(words + Keys.ENTER)

    def click(self, css: str) -> None:
        self.until(lambda: self.find(css), css)
        self.until(lambda: self.find(css).click() or True, css)

    def button(self, words: str, css: str = "button") -> None:
        def press() -> bool:
            for each in reversed(self.browser.find_elements(By.CSS_SELECTOR, css)):
                if words in each.text and each.is_displayed():
                    each.click()
                    return True
            return False

        self.until(press, words)

    def press(self, *keys: str) -> None:
        chain = ActionChains(self.browser)
        for key in keys[:-1]:
            chain.key_down(key)
        chain.send_keys(keys[-1])
        for key in keys[:-1]:
            chain.key_up(key)
        chain.perform()

    def complaints(self) -> list[Any]:
        """What the browser has complained of since it was last asked."""
        ask: Any = self.browser.get_log
        return [each for each in ask("browser") if each["level"] == "SEVERE"]

    def picture(self, name: str) -> None:
        OUTPUT.mkdir(parents=True, exist_ok=True)
        self.browser.save_screenshot(str(OUTPUT / f"{name}.png"))


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for each in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(each)
    options.add_argument("--window-size=1440,900")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield made
    made.quit()


@asynccontextmanager
async def serving() -> AsyncIterator[EmulatorClient]:
    """An emulated Slack with a Bolt app connected to it."""
    app = EmulatedApp(name="deploybot", commands=("/deploy", "/broken"), shortcuts=("ask",))
    settings = EmulatorSettings(trigger_lifetime=60.0, keep_payloads=True)
    async with Emulator([app], settings).serving() as slack:
        client = WebClient(token=app.bot_token, base_url=slack.api_url)
        bolt = await asyncio.to_thread(App, client=client)
        done = threading.Event()
        declare(bolt, done)
        handler = SocketModeHandler(bolt, app.app_token)
        await asyncio.to_thread(handler.connect)
        try:
            await slack.wait_until_ready(timeout=PATIENCE)
            yield slack
        finally:
            done.set()
            await asyncio.to_thread(handler.close)


@pytest.fixture
async def slack() -> AsyncIterator[EmulatorClient]:
    async with serving() as running:
        yield running


Journey = Callable[[Page], None]


@pytest.fixture
def walk(slack: EmulatorClient, browser: webdriver.Chrome) -> Callable[[Journey], Any]:
    async def walking(journey: Journey) -> None:
        page = Page(browser)
        page.complaints()
        await asyncio.to_thread(page.open, slack.base_url)
        await asyncio.to_thread(journey, page)
        assert page.complaints() == []

    return walking


async def test_a_command_is_completed_and_answered_and_its_button_pressed(
    walk: Any, slack: EmulatorClient
) -> None:
    def journey(page: Page) -> None:
        page.find("#text").send_keys("/dep")
        page.shows("/deploy", "#completion")
        page.find("#text").send_keys(Keys.TAB + "api" + Keys.ENTER)
        page.shows("Deploy api to production?")
        Select(page.find(".accessory select")).select_by_visible_text("Staging")
        page.shows("to staging")
        page.button("Approve")
        page.shows("approved by @alice")
        page.click("#inspector summary")
        page.shows("Copy as curl", "#inspector")
        page.picture("command-and-button")

    await walk(journey)
    (command,) = slack.ledger.find(envelope_type="slash_commands")
    assert command.acknowledged
    assert command.played_by is not None


async def test_a_modal_shows_its_errors_and_is_accepted_then(walk: Any) -> None:
    def journey(page: Page) -> None:
        page.say("/deploy api")
        page.button("Details…")
        page.until(lambda: page.find("dialog.modal"))
        page.button("Schedule")
        page.shows("Please complete this required field.", "dialog.modal")
        page.find("dialog textarea, dialog input").send_keys("")
        page.find('[data-block="reason"] input').send_keys("because")
        page.find('[data-block="team"] input').send_keys("pay")
        page.button("Payments", ".suggestions button")
        page.button("Schedule")
        page.shows("Say it in a whole sentence.", "dialog.modal")
        page.picture("modal-with-an-error")
        page.find('[data-block="reason"] input').send_keys(" the fix is urgent")
        page.button("Schedule")
        page.until(lambda: page.find("dialog.modal") is None)
        page.shows("Scheduled for payments: because the fix is urgent")

    await walk(journey)


async def test_the_home_tab_is_published_for_who_opens_it(walk: Any) -> None:
    def journey(page: Page) -> None:
        Select(page.find("#me")).select_by_visible_text("Bob Brand")
        page.until(lambda: "as Bob Brand" in page.find("#header").text)
        page.click("#open-home")
        page.shows("Your deploys")
        page.picture("home")
        page.button("Messages", "#header button")
        page.until(lambda: page.find("#composer").is_displayed())

    await walk(journey)


async def test_a_mention_is_answered_in_a_thread_by_keyboard_alone(walk: Any, slack: EmulatorClient) -> None:
    def journey(page: Page) -> None:
        page.find("#text").send_keys("@dep")
        page.shows("@deploybot", "#completion")
        page.find("#text").send_keys(Keys.TAB + "what is up?" + Keys.ENTER)
        page.shows("1 reply")
        page.press(Keys.CONTROL, Keys.ARROW_UP)
        page.press("t")
        page.shows("here is a thread for it", "#thread")
        page.press("and another")
        page.press(Keys.ENTER)
        page.shows("and another", "#thread")
        page.picture("thread")
        page.press(Keys.ESCAPE)
        page.until(lambda: not page.find("#thread").is_displayed())
        page.press(Keys.CONTROL, "k")
        page.until(lambda: page.find("dialog[open]"))
        page.press("random")
        page.press(Keys.ENTER)
        page.until(lambda: "random" in page.find("#header").text)

    await walk(journey)
    assert {entry.name for entry in slack.ledger.find(envelope_type="events_api")} == {"app_mention", "message"}


async def test_a_file_a_reaction_an_edit_and_what_slack_refuses(walk: Any, tmp_path: Path) -> None:
    plan = tmp_path / "plan.txt"
    plan.write_text("first this, then that")

    def journey(page: Page) -> None:
        page.find("#file").send_keys(str(plan))
        page.shows("Read plan.txt, thank you")
        page.say("teh answer is 42")
        page.shows("teh answer")
        page.press(Keys.CONTROL, Keys.ARROW_UP)
        page.press("e")
        page.until(lambda: page.find("dialog textarea"))
        field = page.find("dialog textarea")
        field.clear()
        field.send_keys("the answer is 42")
        page.button("Save")
        page.shows("(edited)")
        page.browser.execute_script("document.querySelector('#messages article:last-of-type').focus()")
        page.press("r")
        page.button("tada", ".choices button")
        page.until(lambda: page.find(".reaction.mine"))
        page.say("/broken")
        page.shows("Slack refused chat.postMessage: invalid_blocks")
        page.picture("file-reaction-and-refusal")

    await walk(journey)


async def test_a_warning_while_one_types_and_what_the_ledger_says(walk: Any, slack: EmulatorClient) -> None:
    slack.core.change_settings(warning_grace=0.5)

    def journey(page: Page) -> None:
        page.find("#text").send_keys("still ")
        page.button("Faults", "#inspector .tab")
        page.click('[data-fault="warning"]')
        page.find("#text").send_keys("here")
        page.button("Connections", "#inspector .tab")
        page.shows("c2", "#inspector")
        assert page.find("#text").get_attribute("value") == "still here"
        page.find("#text").send_keys(Keys.ENTER)
        page.shows("still here")
        page.picture("warning")
        page.button("Ledger", "#inspector .tab")
        page.shows("acknowledged", "#inspector")

    await walk(journey)
    assert len(slack.core.connections) >= 2


async def test_shortcuts_of_the_workspace_and_of_a_message(walk: Any, slack: EmulatorClient) -> None:
    def journey(page: Page) -> None:
        page.click("#shortcuts")
        page.until(lambda: page.find("dialog input").get_attribute("value") == "ask")
        page.button("Run")
        page.until(lambda: page.find("dialog.modal"))
        page.press(Keys.ESCAPE)
        page.until(lambda: page.find("dialog.modal") is None)
        page.say("worth keeping")
        page.shows("worth keeping")
        page.press(Keys.CONTROL, Keys.ARROW_UP)
        page.press("s")
        page.until(lambda: page.find("dialog input"))
        page.press("keep")
        page.press(Keys.ENTER)
        page.shows("Kept: worth keeping")
        page.shows("Only visible to you")
        page.picture("message-shortcut")

    await walk(journey)
    names = [entry.name for entry in slack.ledger.find(envelope_type="interactive")]
    assert names == ["shortcut", "view_closed", "message_action"]


async def test_a_thread_with_the_assistant_and_its_answer_stopped(walk: Any, slack: EmulatorClient) -> None:
    def journey(page: Page) -> None:
        page.button("deploybot", "#sidebar [data-channel]")
        page.button("New assistant thread")
        page.button("Open", "#messages button")
        page.button("What is live?", "#thread button")
        page.shows("api is live since this morning", "#thread")
        page.picture("assistant")
        page.button("Stop", "#thread button")
        page.shows("Stopped", "#thread")

    await walk(journey)
    assert any(entry.name == "agent_session_stopped" for entry in slack.ledger.entries.values())


async def test_in_the_dark(walk: Any, browser: webdriver.Chrome) -> None:
    def journey(page: Page) -> None:
        media = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        page.say("/deploy api")
        page.shows("Deploy api to production?")
        page.picture("dark")
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    await walk(journey)
