"""`support-roi dashboards`: what it writes, what it refuses, and that it works from a wheel as from a checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.cli import main
from streams.config import resources

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, code: int = 0, environ: dict[str, str] | None = None) -> Result:
    done = CliRunner().invoke(main, ["dashboards", "--out", "out", *arguments], env=environ)
    assert done.exit_code == code, (done.exit_code, done.stderr, done.exception)
    return done


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_that_is_needed_is_written_and_nothing_else() -> None:
    done = run()
    source = tree(ROOT / "grafana")
    expected = {name: body for name, body in source.items() if not name.startswith("prometheus/tests/")}
    assert tree(Path("out")) == expected
    assert done.stdout == ""
    assert done.stderr.count("wrote out/") == len(expected)


def test_a_file_that_differs_is_not_overwritten_without_force() -> None:
    run()
    changed = Path("out/dashboards/support-roi-wall.json")
    changed.write_text("{}")
    Path("out/README.md").unlink()
    done = run(code=1)
    assert str(changed) in done.stderr
    assert "--force" in done.stderr
    assert changed.read_text() == "{}"
    assert not Path("out/README.md").exists(), "nothing is written when something is refused"
    done = run("--force")
    assert "2 written" in done.stderr
    assert tree(Path("out/dashboards")) == tree(ROOT / "grafana" / "dashboards")
    assert "0 written" in run().stderr


def test_currency_windows_and_documents_are_those_of_the_settings() -> None:
    environ = {"SUPPORT_ROI_CURRENCY": "JPY", "SUPPORT_ROI_WINDOWS_ROLLING": '["30d", "2h"]'}
    run("--docs", "https://wiki.test/roi/", environ=environ)
    model = json.loads(Path("out/dashboards/support-roi-executive.json").read_text())
    variables = {variable["name"]: variable for variable in model["templating"]["list"]}
    assert variables["minor"]["query"] == "1", "the yen has no smaller unit"
    assert variables["window"]["query"].startswith("30d,2h,day")
    assert variables["docs"]["query"] == "https://wiki.test/roi"
    assert "docs: https://wiki.test/roi\n" in Path("out/prometheus/prometheus.yml").read_text(), "alerts link there too"
    (benefit,) = [panel for panel in model["panels"] if panel["title"] == "Benefit"]
    assert benefit["fieldConfig"]["defaults"]["unit"] == "currency:JPY "


def test_files_inside_an_installed_package_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "streams"
    monkeypatch.setattr(resources, "__file__", str(package / "config" / "resources.py"))
    assert "install it again" in run(code=1).stderr
    for folder in (tmp_path / "grafana", package / "grafana"):
        (folder / "provisioning").mkdir(parents=True)
        assert resources.grafana_folder() == folder


def test_a_wheel_holds_them_types_and_license(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build back-end, in the test extra")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    assert (tmp_path / "site/streams/py.typed").is_file(), "or nobody's mypy looks at our types"
    (metadata,) = (tmp_path / "site").glob("support_roi-*.dist-info")
    assert "\nLicense-Expression: Apache-2.0\n" in (metadata / "METADATA").read_text("utf-8")
    assert (metadata / "licenses/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    write = [sys.executable, "-m", "streams", "dashboards", "--out", "out"]
    subprocess.run(write, cwd=tmp_path, env=environ, check=True, capture_output=True)
    assert tree(tmp_path / "out/dashboards") == tree(ROOT / "grafana" / "dashboards")
    assert tree(tmp_path / "out/provisioning") == tree(ROOT / "grafana" / "provisioning")
