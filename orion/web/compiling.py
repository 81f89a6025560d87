"""How templates become Python: as Jinja does it, with shorter ways for what a page does a thousand times."""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup, escape

from orion.web.charts.svg import Svg

_special = re.compile("[&<>\"']").search


def say(value: Any) -> str:
    """A value as a page may hold it: markup as it is, all else escaped."""
    kind = value.__class__
    if kind is Markup or kind is Svg:
        return value
    if kind is str:
        return escape(value) if _special(value) else value
    return str(value) if kind is int else escape(value)


class Compiler(CodeGenerator):
    """Jinja's own, but output goes through `say`, and functions are called without a look at what they are.

    So no function of a template may ask for its context (`pass_context` and the like).
    """

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        if (
            node.dyn_args is not None
            or node.dyn_kwargs is not None
            or any(iskeyword(each.key) for each in node.kwargs)
        ):
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.visit(node.node, frame)
        self.write("(")
        for given in [*node.args, *node.kwargs]:
            self.visit(given, frame)
            self.write(", ")
        self.write("caller=caller)" if forward_caller else ")")

    def _output_child_pre(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        self.write("environment.say(")
