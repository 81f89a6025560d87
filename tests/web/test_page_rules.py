"""What holds for all templates and static files: content policy, vendored scripts, readable colours."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from orion.layout import asset
from orion.web.static import assets

TEMPLATES = sorted(asset("templates").rglob("*.html"))
CSS = (asset("static") / "orion.css").read_text(encoding="utf-8")
VENDORED = {
    "htmx-4.0.1.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "hx-sse-4.0.1.min.js": "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
}
FORBIDDEN = {
    "an inline style": re.compile(r"<style|\sstyle="),
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)[^>]*>"),
    "an event handler": re.compile(r"\son[a-z]+="),
    "hx-on": re.compile(r"hx-on"),
    "a js: value": re.compile(r"[\"']js:"),
    "markup taken as safe": re.compile(r"\|\s*safe\b|Markup\("),
    "a field that hides the id of its form, which morphing needs": re.compile(r"name=.id\b"),
    "an address of another site": re.compile(r"(?:src|href|action)=\"https?://"),
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.parent.name + "/" + path.name)
def test_templates_keep_the_content_policy(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert [what for what, pattern in FORBIDDEN.items() if pattern.search(text)] == []


@pytest.mark.parametrize(("name", "digest"), VENDORED.items())
def test_vendored_scripts_are_what_was_published(name: str, digest: str) -> None:
    assert hashlib.sha256(assets()[name].plain).hexdigest() == digest


def test_every_key_of_the_htmx_settings_is_known_to_htmx() -> None:
    base = (asset("templates") / "base.html").read_text(encoding="utf-8")
    found = re.search(r"htmx-config\" content='([^']+)'", base)
    assert found
    settings = json.loads(found[1])
    source = assets()["htmx-4.0.1.min.js"].plain.decode()
    assert settings["includeIndicatorCSS"] is False
    assert [key for key in settings if f"{key}:" not in source] == []


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    sprite = assets()["icons.svg"].plain.decode()
    drawn = set(re.findall(r'id="([is]-[\w-]+)"', sprite))
    used = {
        f"i-{name}"
        for path in TEMPLATES
        for name in re.findall(r'icon\("([\w-]+)"', path.read_text(encoding="utf-8"))
    }
    states = {f"s-{look}" for look in re.findall(r"\[data-s=(\w+)\]\s*\{ --c", CSS)}
    assert (used | states) - drawn == set()


def test_static_files_are_small() -> None:
    packed = {name: len(each.packed) for name, each in assets().items()}
    assert packed["keys.js"] < 2048
    assert sum(packed.values()) < 40_000


def test_the_stylesheet_is_served_without_idle_blanks_and_says_the_same() -> None:
    served, written = assets()["orion.css"].plain.decode(), re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL)
    for part in (" {", "{ ", "; ", ", ", " }"):
        assert part not in served
    strings = r'"[^"]*"'
    assert re.findall(strings, served) == re.findall(strings, written)
    assert re.sub(r"\s", "", served) == re.sub(r"\s", "", written)


def test_static_names_change_with_their_content() -> None:
    for name, each in assets().items():
        assert hashlib.sha256(each.plain).hexdigest()[:10] in each.name
        assert gzip.decompress(each.packed) == each.plain
        assert each.name.endswith(Path(name).suffix)


# --- Colours ----------------------------------------------------------------------------------------------------------


def tokens(theme: int, palette: str = "") -> dict[str, str]:
    """The colours of the light (0) or dark (1) theme by name, in the usual palette or in another."""
    usual, _, rest = CSS.partition(":root[data-palette=safe]")
    other = rest.partition("}")[0] if palette else ""
    pairs = re.findall(r"--([\w-]+):\s*light-dark\((#\w{6}), (#\w{6})\)", usual + other)
    return {name: colours[theme] for name, *colours in pairs}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", ["", "safe"])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_of_states_and_ink_is_readable_on_every_surface(theme: int, palette: str) -> None:
    colour = tokens(theme, palette)
    words = [name for name in colour if name.endswith("-c")] + ["ink", "ink-2", "ink-3", "accent"]
    assert len(words) == 9 + 4
    worst = {
        (word, surface): round(contrast(colour[word], colour[surface]), 2)
        for word in words
        for surface in ("bg", "panel", "sunken", "over")
    }
    assert {pair: ratio for pair, ratio in worst.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("palette", ["", "safe"])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_fills_of_states_stand_out_from_the_panel(theme: int, palette: str) -> None:
    colour = tokens(theme, palette)
    fills = {name: contrast(colour[name], colour["panel"]) for name in colour if name.endswith("-f")}
    assert len(fills) == 9
    assert {name: ratio for name, ratio in fills.items() if ratio < 3} == {}


@pytest.mark.parametrize("palette", ["", "safe"])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_a_badge_is_readable_on_its_own_tint(theme: int, palette: str) -> None:
    tint = re.search(r"\.badge \{[^}]*background: color-mix\(in oklab, var\(--c\) (\d+)%", CSS)
    assert tint
    share, colour = int(tint[1]) / 100, tokens(theme, palette)
    states = [name for name in colour if name.endswith("-c")]
    worst = {
        (name, surface): round(contrast(colour[name], mixed(colour[name], colour[surface], share)), 2)
        for name in states
        for surface in ("bg", "panel", "sunken")
    }
    assert {pair: ratio for pair, ratio in worst.items() if ratio < 4.5} == {}


def mixed(one: str, other: str, share: float) -> str:
    """`share` of one colour over another."""
    parts = [
        round(int(one[at : at + 2], 16) * share + int(other[at : at + 2], 16) * (1 - share))
        for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_safe_palette_parts_good_from_bad_where_red_and_green_look_alike(theme: int) -> None:
    """Seen without red-green vision (Brettel's and Vienot's projection, simplified), success and failure differ."""
    colour = tokens(theme, "safe")
    for good in ("completed-f", "running-f"):
        for bad in ("failed-f", "late-f"):
            assert seen_apart(colour[good], colour[bad]) > 0.25, (good, bad)


def seen_apart(one: str, other: str) -> float:
    """How far two colours lie apart when red and green are one: along blue to yellow, and in lightness."""

    def seen(colour: str) -> tuple[float, float]:
        red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return (red + green) / 2 - blue, 0.3 * red + 0.6 * green + 0.1 * blue

    (hue, light), (other_hue, other_light) = seen(one), seen(other)
    return abs(hue - other_hue) + abs(light - other_light)
