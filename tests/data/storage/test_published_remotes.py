"""A remote that is served as files by a web server: anybody fetches, nobody writes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from storage_bench import Bench, random_files

from millwright.cli.main import cli
from millwright.data.storage.opening import publish
from millwright.kernel.egress import ALLOW_VARIABLE
from millwright.kernel.errors import Forbidden, InvalidInput

Make = Callable[[str], Bench]


class Plain(SimpleHTTPRequestHandler):
    """Whole files only, as Python's own server hands them out."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Ranges(Plain):
    """Parts of files as well, as nginx, Caddy or a bucket's website do."""

    def do_GET(self) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if asked is None or not path.is_file():
            super().do_GET()
            return
        content = path.read_bytes()
        first, last = int(asked[1]), min(int(asked[2] or 1 << 60), len(content) - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        self.wfile.write(content[first : last + 1])


@pytest.fixture(params=[Plain, Ranges], ids=["whole-files", "ranges"])
def web(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The address at which the folder ``store`` is served."""
    (tmp_path / "store").mkdir()
    served = partial(request.param, directory=str(tmp_path / "store"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), served)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv(ALLOW_VARIABLE, f"127.0.0.1:{server.server_port}")
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("key", [None, "env:A_KEY"], ids=["open", "encrypted"])
def test_what_is_published_is_fetched_by_http_and_so_is_what_is_pushed_later(
    bench: Make, web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    monkeypatch.setenv("A_KEY", "ab" * 32)
    here, there = bench("here"), bench("there")
    files = {**random_files(30, 2_000), "ü b/=c": b"odd name", "empty": b""}
    here.keep("photos", files)
    store = here.remote(str(tmp_path / "store"), key=key)
    here.push()
    assert publish(store.definition) > 3

    there.remote(web, key=key)
    assert there.fetch().versions == ("photos@1",)
    assert there.files("photos") == files

    # A few of many: a part of a pack is asked for. And a dataset that the list did not know.
    fewer = random_files(2, 2_000)
    here.keep("photos", fewer)
    here.keep("maps", {"a": b"map"})
    here.push()
    there.fetch()
    assert there.files("photos") == fewer
    assert there.files("maps") == {"a": b"map"}
    assert there.place.objects.verify() == []


def test_nobody_writes_to_a_remote_by_http(bench: Make, web: str, tmp_path: Path) -> None:
    here, there = bench("here"), bench("there")
    here.keep("photos", {"a": b"1"})
    store = here.remote(str(tmp_path / "store"))
    here.push()
    publish(store.definition)
    opened = there.remote(web)
    there.keep("own", {"b": b"2"})
    with pytest.raises(Forbidden, match="can only be read"):
        there.push()
    with pytest.raises(Forbidden, match="can only be read"):
        opened.remote.put("x", b"")
    with pytest.raises(Forbidden, match="can only be read"):
        publish(opened.definition)


@pytest.mark.parametrize("address", ["http://169.254.169.254/latest", "http://127.0.0.1:9/store"])
def test_what_only_this_machine_can_reach_is_no_remote(bench: Make, address: str) -> None:
    with pytest.raises(Forbidden, match="not a public address"):
        bench("there").remote(address)


def test_what_is_not_published_says_how_it_would_be(bench: Make, web: str, tmp_path: Path) -> None:
    here, there = bench("here"), bench("there")
    with pytest.raises(InvalidInput, match="no remote of Millwright"):
        there.remote(web)
    here.keep("photos", {"a": b"1"})
    here.remote(str(tmp_path / "store"))
    here.push()
    with pytest.raises(InvalidInput, match="no list") as caught:
        there.remote(web)
    assert "mw data remote publish" in str(caught.value.hint)


def test_the_commands_publish_and_pull(
    web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLWRIGHT_PROTECT", "mode")
    for name in ("MILLWRIGHT_URL", "MILLWRIGHT_TOKEN", "MILLWRIGHT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def mw(folder: str, *words: str) -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        done = CliRunner().invoke(cli, ["data", *words])
        assert done.exit_code == 0, done.output + repr(done.exception)
        return done.output

    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "flights.csv").write_text("id,late\n1,0\n2,1\n")
    mw("here", "add", "flights.csv")
    mw("here", "remote", "add", "origin", "../store")
    mw("here", "push")
    assert "mw data remote add" in mw("here", "remote", "publish", "origin")
    assert "can only be read" in mw("there", "remote", "add", "origin", web, "--project", "here")
    mw("there", "fetch", "flights")
    assert "late" in mw("there", "show", "flights")
