"""Templates as orion compiles them: escaped as ever, with fewer steps for each value and call."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2 import UndefinedError
from jinja2.runtime import Macro
from markupsafe import Markup

from orion.web.charts.svg import Svg
from orion.web.compiling import say
from orion.web.templating import environment


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a < b & 'c' \"d\"", "a &lt; b &amp; &#39;c&#39; &#34;d&#34;"),
        (Markup("<b>"), "<b>"),
        (Svg("<svg/>"), "<svg/>"),
        (7, "7"),
        (7.5, "7.5"),
        (True, "True"),
        (None, "None"),
        (["<"], "[&#39;&lt;&#39;]"),
    ],
)
def test_a_value_is_escaped_unless_it_is_markup(value: Any, said: str) -> None:
    assert say(value) == said
    assert environment().from_string("{{ value }}").render(value=value) == said


def test_markup_of_a_subclass_of_text_is_not_trusted() -> None:
    class Text(str):
        """A text that claims nothing."""

    assert say(Text("<b>")) == "&lt;b&gt;"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% macro f(a, b=2) %}<i>{{ a }}{{ b }}</i>{% endmacro %}{{ f('<') }}{{ f(1, b='>') }}",
         "<i>&lt;2</i><i>1&gt;</i>"),
        ("{% macro f() %}<i>{{ caller() }}</i>{% endmacro %}{% call f() %}{{ '<' }}{% endcall %}", "<i>&lt;</i>"),
        ("{% macro f(class) %}{{ class }}{% endmacro %}{{ f(class='x') }}", "x"),
        ("{{ '<{}>'.format('b') }}", "&lt;b&gt;"),
        ("{% for n in [1, 2] %}{{ loop.cycle('a', 'b') }}{% endfor %}", "ab"),
        ("{{ f(*[1, 2]) }}{{ f(**{'a': 3, 'b': 4}) }}", "1-23-4"),
    ],
    ids=["macro", "caller", "named as Python names nothing", "method", "loop", "unpacked"],
)  # fmt: skip
def test_functions_are_called_as_jinja_calls_them(source: str, said: str) -> None:
    assert environment().from_string(source).render(f=lambda a, b: f"{a}-{b}") == said


def test_what_is_not_there_is_an_error_still() -> None:
    for source in ("{{ nothing }}", "{{ nothing() }}", "{{ {}.nothing }}"):
        with pytest.raises(UndefinedError):
            environment().from_string(source).render()


def test_every_page_is_compiled_with_the_shorter_ways() -> None:
    env = environment()
    assert env.loader is not None
    for name in env.list_templates(extensions=["html"]):
        made = env.compile(env.loader.get_source(env, name)[0], raw=True)
        assert "escape(" not in made and "context.call(" not in made.replace("**{", "**"), name


def test_no_function_of_a_template_asks_for_its_context() -> None:
    env = environment()
    given = [*env.globals.values(), *vars(env.globals["ui"]).values()]
    assert [each for each in given if hasattr(each, "jinja_pass_arg") and not isinstance(each, Macro)] == []
