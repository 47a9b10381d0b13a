"""A parsed template, and how it is executed. Start reading at `Template.execute`; `template` parses the text.

Messages are Go's, with line and column, since Podman's users search for them. Source: Go, package text/template, exec.go's rules.
"""

from __future__ import annotations

from libpod.cli.print import functions
from libpod.cli.print.escape import printable
from libpod.cli.print.types import Method
from libpod.cli.print.values import NO_VALUE, Map, Nil, NoValue, is_true, show, sorted_items, type_name
from libpod.errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: How deep templates may call each other.
_DEPTH = 1000

#: Functions whose result may have lines and columns of the template's own, so what goes into them is made printable first.
_WRITERS = frozenset(("join", "print", "printf", "println"))


def _tame(value: Any) -> Any:
    if isinstance(value, list):
        return [_tame(item) for item in value]
    return value if isinstance(value, (int, float)) else printable(show(value))


class Template:
    """A parsed template."""

    def __init__(self, name: str, text: str, body: list[Node], defined: dict[str, list[Node]]) -> None:
        self._name = name
        self._text = text
        self._body = body
        self._defined = defined

    def execute(self, value: Any, *, human: bool = False) -> str:
        """Print `value`; human: for a person, with the control characters of values written out.

        Raises: InvalidError naming the place in the template and what is wrong there.
        """
        run = _Run(self._name, self._text, self._defined, human=human)
        scope = _Scope(run, value)
        scope.write(self._body, value)
        return "".join(run.out)


class _Run:
    """What one execution shares."""

    def __init__(self, name: str, text: str, defined: dict[str, list[Node]], *, human: bool) -> None:
        self.name = name
        self.text = text
        self.defined = defined
        self.human = human
        self.out: list[str] = []
        self.depth = 0

    def fail(self, place: int, shown: str, message: str) -> InvalidError:
        line = self.text.count("\n", 0, place) + 1
        column = place - (self.text.rfind("\n", 0, place) + 1)
        return InvalidError(
            f'template: {self.name}:{line}:{column}: executing "{self.name}" at <{shown}>: {message}',
        )


class _Scope:
    """The variables that are visible in one body."""

    def __init__(self, run: _Run, root: Any, outer: _Scope | None = None) -> None:
        self.run = run
        self.outer = outer
        self.variables: dict[str, Any] = {} if outer else {"$": root}

    def find(self, name: str) -> _Scope | None:
        scope: _Scope | None = self
        while scope is not None and name not in scope.variables:
            scope = scope.outer
        return scope

    def write(self, nodes: list[Node], dot: Any) -> None:
        for node in nodes:
            node.write(dot, self)

    def inner(self) -> _Scope:
        return _Scope(self.run, None, self)


class _Break(Exception):  # noqa: N818  (control flow)
    pass


class _Continue(Exception):  # noqa: N818  (control flow)
    pass


class Node:
    def write(self, dot: Any, scope: _Scope) -> None:
        raise NotImplementedError  # pragma: no cover  (abstract)


class Text(Node):
    def __init__(self, text: str) -> None:
        self.text = text

    def write(self, dot: Any, scope: _Scope) -> None:
        scope.run.out.append(self.text)


class Action(Node):
    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def write(self, dot: Any, scope: _Scope) -> None:
        value = self.pipeline.value(dot, scope)
        if self.pipeline.names:
            return
        text = show(value)
        if scope.run.human:
            text = printable(text, keep=self.pipeline.keeps)
        scope.run.out.append(text)


class Branch(Node):
    """`if` and `with`."""

    def __init__(self, word: str, pipeline: Pipeline, body: list[Node], otherwise: list[Node]) -> None:
        self.word = word
        self.pipeline = pipeline
        self.body = body
        self.otherwise = otherwise

    def write(self, dot: Any, scope: _Scope) -> None:
        scope = scope.inner()
        value = self.pipeline.value(dot, scope)
        if not is_true(value):
            scope.write(self.otherwise, dot)
        else:
            scope.write(self.body, value if self.word == "with" else dot)


class Range(Branch):
    #: Whether this walks over the rows of a listing, each of which is then `$`, too.
    rows = False

    def write(self, dot: Any, scope: _Scope) -> None:
        scope = scope.inner()
        value = self.pipeline.value(dot, scope, assign=False)
        pairs = self._pairs(value, scope)
        if not pairs:
            scope.write(self.otherwise, dot)
        names = self.pipeline.names
        if len(names) == 2 and isinstance(value, int):
            message = f"can't use {show(value)} to iterate over more than one variable"
            raise scope.run.fail(self.pipeline.place, self.pipeline.shown, message)
        for key, item in pairs:
            inner = scope.inner()
            if self.rows:
                inner.variables["$"] = item
            if len(names) == 2:
                inner.variables[names[0]] = key
            if names:
                inner.variables[names[-1]] = item
            try:
                inner.write(self.body, item)
            except _Continue:
                continue
            except _Break:
                break

    def _pairs(self, value: Any, scope: _Scope) -> list[tuple[Any, Any]]:
        if isinstance(value, dict):
            return sorted_items(value)
        if isinstance(value, (list, tuple)):
            return list(enumerate(value))
        if isinstance(value, int) and not isinstance(value, bool):
            return [(number, number) for number in range(value)]
        if value is None or isinstance(value, NoValue):
            return []
        raise scope.run.fail(self.pipeline.place, self.pipeline.shown, f"range can't iterate over {show(value)}")


class Jump(Node):
    """`break` and `continue`."""

    def __init__(self, word: str) -> None:
        self.kind = _Break if word == "break" else _Continue

    def write(self, dot: Any, scope: _Scope) -> None:
        raise self.kind


class Call(Node):
    """`template "name" pipeline`."""

    def __init__(self, name: str, pipeline: Pipeline | None, place: int) -> None:
        self.name = name
        self.pipeline = pipeline
        self.place = place

    def write(self, dot: Any, scope: _Scope) -> None:
        run = scope.run
        body = run.defined.get(self.name)
        if body is None:
            raise run.fail(self.place, f'{{{{template "{self.name}"}}}}', f'template "{self.name}" not defined')
        if run.depth >= _DEPTH:
            raise run.fail(self.place, self.name, f"exceeded maximum template depth ({_DEPTH})")
        value = self.pipeline.value(dot, scope) if self.pipeline else None
        run.depth += 1
        _Scope(run, value).write(body, value)
        run.depth -= 1


class Pipeline:
    """Commands joined by `|`; `names` are the variables that it sets, declared ones when `declares`."""

    def __init__(
        self, names: list[str], commands: list[Command], shown: str, place: int, *, declares: bool = True
    ) -> None:
        self.names = names
        self.commands = commands
        self.shown = shown
        self.place = place
        self.declares = declares

    @property
    def keeps(self) -> str:
        """Control characters that are the template's own: those of its constants, and of what `println` and its like write."""
        head = self.commands[-1].terms[0]
        if isinstance(head, Constant):
            return str(head.value)
        return "\n\t" if isinstance(head, Function) and head.name in _WRITERS else ""

    def value(self, dot: Any, scope: _Scope, *, assign: bool = True) -> Any:
        result: Any = None
        for index, command in enumerate(self.commands):
            result = command.value(dot, scope, [result] if index else [])
        if assign and self.names:
            name = self.names[0]
            home = scope if self.declares else scope.find(name)
            if home is None:
                raise scope.run.fail(self.place, self.shown, f"undefined variable: {name}")
            home.variables[name] = result
        return result


class Command:
    """A term with its arguments."""

    def __init__(self, terms: list[Any], shown: str, place: int) -> None:
        self.terms = terms
        self.shown = shown
        self.place = place

    def value(self, dot: Any, scope: _Scope, piped: list[Any]) -> Any:
        head, *rest = self.terms
        if isinstance(head, Function):
            return self._call(head.name, rest, dot, scope, piped)
        if isinstance(head, Chain):
            return head.value(dot, scope, [_operand(term, dot, scope) for term in rest] + piped)
        if isinstance(head, Constant) and (rest or piped):
            raise scope.run.fail(self.place, head.shown, f"can't give argument to non-function {head.shown}")
        if isinstance(head, Constant) and head.value is None:
            raise scope.run.fail(self.place, head.shown, "nil is not a command")
        return _operand(head, dot, scope)

    def _call(self, name: str, rest: list[Any], dot: Any, scope: _Scope, piped: list[Any]) -> Any:
        if name in ("and", "or"):
            return self._decide(name, rest, dot, scope, piped)
        arguments = [_operand(term, dot, scope) for term in rest] + piped
        least, most = functions.count_of(name)
        if not least <= len(arguments) <= most:
            wanted = f"want {least}" if least == most else f"want at least {least}"
            raise scope.run.fail(self.place, name, f"wrong number of args for {name}: {wanted} got {len(arguments)}")
        if scope.run.human and name in _WRITERS:
            constants = [isinstance(term, Constant) for term in rest] + [False] * len(piped)
            arguments = [
                argument if constant else _tame(argument)
                for argument, constant in zip(arguments, constants, strict=True)
            ]
        try:
            return functions.TABLE[name](*arguments)
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
            raise scope.run.fail(self.place, self.shown, f"error calling {name}: {functions.reason(error)}") from None

    def _decide(self, name: str, rest: list[Any], dot: Any, scope: _Scope, piped: list[Any]) -> Any:
        """`and` and `or` look at no more arguments than they need."""
        result: Any = None
        if not rest and not piped:
            raise scope.run.fail(self.place, name, f"wrong number of args for {name}: want at least 1 got 0")
        for term in rest:
            result = _operand(term, dot, scope)
            if is_true(result) == (name == "or"):
                return result
        return piped[0] if piped else result


def _operand(term: Any, dot: Any, scope: _Scope) -> Any:
    if isinstance(term, Constant):
        return term.value
    if isinstance(term, Function):
        return Command([term], term.name, term.place).value(dot, scope, [])
    if isinstance(term, Chain):
        return term.value(dot, scope, [])
    return term.value(dot, scope)


class Constant:
    def __init__(self, value: Any, shown: str) -> None:
        self.value = value
        self.shown = shown


class Function:
    def __init__(self, name: str, place: int) -> None:
        self.name = name
        self.place = place


class Chain:
    """`.A.B`, `$x.A` or `(pipeline).A`. start: None for the dot, a variable's name, or a pipeline."""

    def __init__(self, start: Any, fields: list[str], shown: str, place: int) -> None:
        self.start = start
        self.fields = fields
        self.shown = shown
        self.place = place

    def value(self, dot: Any, scope: _Scope, arguments: list[Any]) -> Any:
        if self.start is None:
            value = dot
        elif isinstance(self.start, str):
            home = scope.find(self.start)
            if home is None:
                raise scope.run.fail(self.place, self.shown, f"undefined variable: {self.start}")
            value = home.variables[self.start]
        else:
            value = self.start.value(dot, scope)
        if arguments and not self.fields:
            raise scope.run.fail(self.place, self.shown, f"can't give argument to non-function {self.shown}")
        for index, field in enumerate(self.fields):
            value = self._step(value, field, scope, arguments if index == len(self.fields) - 1 else [])
        return value

    def _step(self, value: Any, field: str, scope: _Scope, arguments: list[Any]) -> Any:
        if isinstance(value, Map):
            value = value.get(field, NO_VALUE)
            if arguments:
                raise scope.run.fail(self.place, self.shown, f"{field} is not a method but has arguments")
            return value
        if value is NO_VALUE:
            return value
        if value is None:
            raise scope.run.fail(self.place, self.shown, f"nil data; no entry for key {field!r}".replace("'", '"'))
        if isinstance(value, Nil):
            raise scope.run.fail(self.place, self.shown, f"nil pointer evaluating {value.type.name}.{field}")
        getter = getattr(value, "get", None)
        try:
            found = getter(field) if getter is not None else None
        except KeyError:
            getter = None
        if getter is None:
            raise scope.run.fail(self.place, self.shown, f"can't evaluate field {field} in type {type_name(value)}")
        if isinstance(found, Method):
            return self._called(found, field, arguments, scope)
        if arguments:
            raise scope.run.fail(self.place, self.shown, f"{field} has arguments but cannot be invoked as function")
        return found

    def _called(self, method: Method, name: str, arguments: list[Any], scope: _Scope) -> Any:
        if len(arguments) != method.count:
            message = f"wrong number of args for {name}: want {method.count} got {len(arguments)}"
            raise scope.run.fail(self.place, self.shown, message)
        try:
            return method.call(*arguments)
        except (TypeError, ValueError) as error:
            raise scope.run.fail(self.place, self.shown, functions.reason(error)) from None
