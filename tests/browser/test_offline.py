"""The service worker in a real browser: the page and its last figures while the server is away, slow or changed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser.offline_site import Site
from tests.servers import RunningServer
from tools import shell

REGISTER = """async () => {
  await navigator.serviceWorker.register("sw.js");
  await navigator.serviceWorker.ready;
  if (!navigator.serviceWorker.controller)
    await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve));
}"""
ASK = """async ([path, key]) => {
  try {
    const response = await fetch(path, { cache: "no-store", headers: key ? { "X-Offline-Key": key } : {} });
    const text = await response.text();
    return { status: response.status, text, keptSince: response.headers.get("X-Offline") };
  } catch {
    return { status: 0 };
  }
}"""
FORGET = """() => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = resolve;
  navigator.serviceWorker.controller.postMessage({ type: "forget" }, [port2]);
})"""


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.seconds = 0
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def page(browser: Any, site: Site) -> Iterator[Any]:
    """Open the site's page under the service worker."""
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(site.url)
    opened.evaluate(REGISTER)
    yield opened
    context.close()


def ask(page: Any, path: str = "api/metrics", key: str | None = "metrics") -> dict[str, Any]:
    return dict(page.evaluate(ASK, [path, key]))


def version(page: Any) -> str | None:
    page.wait_for_load_state("load")
    return page.evaluate("document.documentElement.dataset.version")  # type: ignore[no-any-return]


def test_the_list_of_the_shell_names_every_file_of_the_page() -> None:
    assert shell.LIST.read_text(encoding="utf-8") == shell.shell(), "make shell writes it anew"


def test_the_page_names_the_modules_of_its_first_view() -> None:
    assert shell.PAGE.read_text(encoding="utf-8") == shell.page(), "make shell writes it anew"


@pytest.mark.journey
def test_the_real_page_opens_without_its_server_and_shows_data_of_before_until_the_server_is_back(
    browser: Any, tmp_path: Path
) -> None:
    context = browser.new_context()
    page = context.new_page()
    with RunningServer(f"sqlite:///{tmp_path / 'factory.db'}", tmp_path / "server.log") as server:
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.evaluate(REGISTER)
        before = ask(page, "api/v1/metrics/factory", "of the test")

        server.kill()
        page.goto(f"http://127.0.0.1:{server.port}/?view=workers")
        offline = ask(page, "api/v1/metrics/factory", "of the test")
        files = page.evaluate("async () => (await import('/lib/export.js')).csvOf({ columns: [], rows: [] }).length")

        assert page.locator("main").count() == 1
        assert files == 3
        assert (before["keptSince"], offline["text"]) == (None, before["text"])
        assert offline["keptSince"] <= time.strftime("%Y-%m-%dT%H:%M:%S.999Z", time.gmtime())

        server.start()
        page.reload()
        assert ask(page, "api/v1/metrics/factory", "of the test")["keptSince"] is None
    context.close()


def test_the_key_is_of_the_question_and_goes_no_further(page: Any, site: Site) -> None:
    ask(page, "api/metrics?from=1", "today")
    ask(page, "api/metrics?from=2", "week")
    site.away = True

    later, other = ask(page, "api/metrics?from=3", "today"), ask(page, "api/metrics?from=3", "yesterday")

    assert json.loads(later["text"]) == {"answer": 1}
    assert other["status"] == 0
    assert not any("x-offline-key" in headers for headers in site.seen)


def test_nothing_is_kept_of_a_request_without_a_key_or_of_a_refusal(page: Any, site: Site) -> None:
    ask(page, key=None)
    site.status = 403
    ask(page)
    site.away = True

    assert ask(page, key=None)["status"] == 0
    assert ask(page)["status"] == 0


def test_a_refusal_is_handed_on_and_no_older_answer(page: Any, site: Site) -> None:
    ask(page)
    site.status = 401

    assert ask(page)["status"] == 401


def test_a_gateway_without_its_server_is_a_server_away(page: Any, site: Site) -> None:
    first = ask(page)
    site.status = 502

    answer = ask(page)

    assert (answer["status"], answer["text"]) == (200, first["text"])
    assert answer["keptSince"] is not None


def test_an_answer_confirmed_as_unchanged_is_as_of_the_confirmation(page: Any, site: Site) -> None:
    first = ask(page)
    site.away = True
    before = ask(page)["keptSince"]
    site.away, site.status = False, 304
    assert ask(page)["status"] == 304
    site.away = True

    answer = ask(page)

    assert answer["text"] == first["text"]
    assert answer["keptSince"] > before


def test_the_last_answer_outlives_the_worker(page: Any, site: Site) -> None:
    first = ask(page)
    page.wait_for_function("async () => (await (await caches.open('data')).keys()).length === 1")
    session = page.context.new_cdp_session(page)
    session.send("ServiceWorker.enable")
    session.send("ServiceWorker.stopAllWorkers")
    site.away = True

    assert ask(page)["text"] == first["text"]


def test_sixty_answers_are_kept_and_the_newest_of_all(page: Any, site: Site) -> None:
    for number in range(65):
        ask(page, key=f"question {number}")
    site.away = True

    kept = [ask(page, key=f"question {number}")["status"] for number in range(65)]

    assert kept[-1] == 200
    assert page.evaluate("async () => (await (await caches.open('data')).keys()).length") == 60


def test_forgetting_deletes_the_data_and_not_the_page(page: Any, site: Site) -> None:
    ask(page)
    page.evaluate(FORGET)
    site.away = True

    page.reload()

    assert ask(page)["status"] == 0
    assert version(page) == "first"


def test_a_server_that_is_slow_with_data_is_waited_for_ten_seconds(page: Any, site: Site) -> None:
    first = ask(page)
    site.seconds = 15
    began = time.monotonic()

    answer = ask(page)

    assert (answer["text"], 9 < time.monotonic() - began < 14) == (first["text"], True)


def test_a_slow_server_delays_the_page_by_two_seconds_once(page: Any, site: Site) -> None:
    site.files["/"] = b"<!doctype html><title>second</title>"
    site.seconds = 6
    began = time.monotonic()

    page.reload()

    assert (page.title(), version(page)) == ("first", "first")
    assert 1.9 < time.monotonic() - began < 5.5


def test_a_deployment_is_seen_at_once_and_without_the_server_too(page: Any, site: Site) -> None:
    site.files["/main.js"] = b"document.documentElement.dataset.version = 'second';"
    page.reload()
    assert version(page) == "second"
    page.wait_for_function("async () => (await (await caches.match('/main.js')).text()).includes('second')")
    site.away = True

    page.reload()

    assert version(page) == "second"


def test_a_visit_without_a_deployment_fetches_nothing_for_the_copies(page: Any, site: Site) -> None:
    site.fetched.clear()

    page.reload()
    page.wait_for_timeout(500)

    assert site.fetched == ["/", "/main.js"]


def test_a_new_worker_takes_over_and_drops_what_is_no_longer_named(page: Any, site: Site) -> None:
    site.files["/shell.js"] = b'self.SHELL = ["./", "main.js", "new.js"];'
    site.files["/new.js"] = b"export default 'new';"
    page.reload()
    page.wait_for_function("async () => Boolean(await caches.match('/new.js'))")
    site.files["/shell.js"] = b'self.SHELL = ["./", "new.js"];'
    page.reload()

    page.wait_for_function("async () => !(await caches.match('/main.js'))")
