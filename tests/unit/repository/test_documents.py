"""The documents say what the code does: settings file, page of metrics, README."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from streams.cli import main
from streams.commands.catalogue import lines
from streams.config import Settings, load, paths
from streams.core.metrics.families import METRICS

ROOT = Path(__file__).parents[3]


def test_the_settings_file_holds_the_defaults_and_explains_every_key() -> None:
    path = ROOT / "roi.toml"
    assert load(path, {}) == Settings()
    text = path.read_text("utf-8")
    for keys in paths(Settings):
        assert re.search(rf"^(# )?\[*{re.escape(keys[-1])}\b", text, re.M) or f".{keys[-1]}]" in text, keys


def test_the_page_of_metrics_is_generated_from_the_catalogue() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert page == "\n".join(lines("markdown")) + "\n", "run: support-roi metrics --format markdown > docs/metrics.md"


def test_every_metric_says_what_it_is() -> None:
    for name, metric in METRICS.items():
        assert name == metric.id
        assert metric.help.endswith("."), name
        assert metric.unit, name
        assert metric.formula, name
        assert metric.source, name
        assert metric.version >= 1, name
        assert metric.dimensions, name


def test_the_readme_names_commands_and_folders_that_exist() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for command in re.findall(r"`support-roi ([a-z]+)", text):
        assert command in main.commands, command
    for folder in re.findall(r"`((?:streams|schemas|bench|tests|docs)/[a-z/_.]*)`", text):
        assert (ROOT / folder).exists(), folder


def test_the_readmes_own_data_give_the_published_ratios(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    events = re.findall(r'^    (\{"type".*\})$', text, re.M)
    assert len(events) == 5
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(events))
    runner = CliRunner()
    done = runner.invoke(
        main, ["replay", str(file), "--from", "2026-03-01", "--as-of", "2026-03-08", "--format", "jsonl"]
    )
    assert done.exit_code == 0, done.stderr
    for name, value in (("roi_net_ratio", 3.0), ("roi_gross_ratio", 4.0)):
        assert re.search(rf'"{name}","window":"period".*?"dimension":"all","member":"all","value":{value}', done.stdout)
