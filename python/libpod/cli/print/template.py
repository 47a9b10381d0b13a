"""A small text/template: text is parsed to a tree once and executed for each value. `format` says what is supported."""

from __future__ import annotations

from libpod.cli.print import functions
from libpod.cli.print.escape import printable
from libpod.cli.print.functions import Map, is_true, show
from libpod.errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Map", "Template", "parse"]

_BREAKING = " \t\r\n"
_SPECIAL = "(|)="


class Template:
    """A parsed template."""

    def __init__(self, name: str, body: list[_Node]) -> None:
        self._name = name
        self._body = body

    def execute(self, value: Any, *, type_name: str, human: bool = False) -> str:
        """Print `value`; human: for a person, with the control characters of values written out.

        Raises: InvalidError naming the field that `type_name` lacks.
        """
        scope = _Scope(self._name, type_name, value, human=human)
        out: list[str] = []
        for node in self._body:
            node.write(out, value, scope)
        return "".join(out)


class _Scope:
    """Variables and names for messages."""

    def __init__(self, name: str, type_name: str, root: Any, *, human: bool) -> None:
        self.name = name
        self.human = human
        self.type_name = type_name
        self.variables: dict[str, Any] = {"$": root}

    def fail(self, text: str) -> InvalidError:
        return InvalidError(f"template: {self.name}:1: executing {self.name!r}: {text}".replace("'", '"'))


class _Node:
    def write(self, out: list[str], dot: Any, scope: _Scope) -> None:
        raise NotImplementedError  # pragma: no cover  (abstract)


class _Text(_Node):
    def __init__(self, text: str) -> None:
        self.text = text

    def write(self, out: list[str], dot: Any, scope: _Scope) -> None:
        out.append(self.text)


class _Action(_Node):
    def __init__(self, pipeline: _Pipeline) -> None:
        self.pipeline = pipeline

    def write(self, out: list[str], dot: Any, scope: _Scope) -> None:
        value = self.pipeline.value(dot, scope)
        if self.pipeline.names:
            return
        text = show(value)
        # Lines and columns are the template's own only where a function made them, as println does.
        out.append(printable(text, keep="\n\t" if self.pipeline.ends_in_function else "") if scope.human else text)


class _Branch(_Node):
    """`if`, `with` and `range`."""

    def __init__(self, word: str, pipeline: _Pipeline, body: list[_Node], otherwise: list[_Node]) -> None:
        self.word = word
        self.pipeline = pipeline
        self.body = body
        self.otherwise = otherwise

    def write(self, out: list[str], dot: Any, scope: _Scope) -> None:
        value = self.pipeline.value(dot, scope)
        if not is_true(value):
            for node in self.otherwise:
                node.write(out, dot, scope)
        elif self.word == "range":
            self._repeat(value, out, scope)
        else:
            for node in self.body:
                node.write(out, value if self.word == "with" else dot, scope)

    def _repeat(self, value: Any, out: list[str], scope: _Scope) -> None:
        if isinstance(value, dict):
            pairs = sorted(value.items())
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        else:
            raise scope.fail(f"range can't iterate over {show(value)}")
        names = self.pipeline.names
        for key, item in pairs:
            if len(names) == 2:
                scope.variables[names[0]] = key
            if names:
                scope.variables[names[-1]] = item
            for node in self.body:
                node.write(out, item, scope)


class _Pipeline:
    """Commands joined by `|`; `names` are the variables that it sets."""

    def __init__(self, names: list[str], commands: list[list[Any]]) -> None:
        self.names = names
        self.commands = commands

    @property
    def ends_in_function(self) -> bool:
        """Whether the value is made by a function, such as `println`."""
        return isinstance(self.commands[-1][0], _Function)

    def value(self, dot: Any, scope: _Scope) -> Any:
        result: Any = None
        for index, command in enumerate(self.commands):
            result = _call(command, dot, scope, [result] if index else [])
        if len(self.names) == 1:
            scope.variables[self.names[0]] = result
        return result


def _call(command: list[Any], dot: Any, scope: _Scope, piped: list[Any]) -> Any:
    head, *rest = command
    if isinstance(head, _Function):
        arguments = [_operand(term, dot, scope) for term in rest] + piped
        try:
            return functions.TABLE[head.name](*arguments)
        except (TypeError, ValueError, LookupError) as error:
            raise scope.fail(f"error calling {head.name}: {error}") from None
    if rest or piped:
        raise scope.fail("can't give argument to non-function")
    return _operand(head, dot, scope)


def _operand(term: Any, dot: Any, scope: _Scope) -> Any:
    if isinstance(term, _Function):
        return _call([term], dot, scope, [])
    if isinstance(term, _Chain):
        return term.value(dot, scope)
    if isinstance(term, _Pipeline):
        return term.value(dot, scope)
    return term.value if isinstance(term, _Constant) else term


class _Constant:
    def __init__(self, value: Any) -> None:
        self.value = value


class _Function:
    def __init__(self, name: str) -> None:
        self.name = name


class _Chain:
    """`.A.B`, `$x.A` or `(pipeline).A`."""

    def __init__(self, start: Any, fields: list[str]) -> None:
        self.start = start
        self.fields = fields

    def value(self, dot: Any, scope: _Scope) -> Any:
        if self.start is None:
            value = dot
        elif isinstance(self.start, str):
            if self.start not in scope.variables:
                raise scope.fail(f"undefined variable: {self.start}")
            value = scope.variables[self.start]
        else:
            value = self.start.value(dot, scope)
        for field in self.fields:
            value = self._step(value, field, scope)
        return value

    def _step(self, value: Any, field: str, scope: _Scope) -> Any:
        if isinstance(value, Map):
            return value.get(field, functions.NO_VALUE)
        if isinstance(value, dict) and field in value:
            found = value[field]
            if isinstance(found, dict) and field in functions.MAP_FIELDS:
                return Map(found)
            return found
        if value is None or value is functions.NO_VALUE:
            raise scope.fail(f"nil data; no entry for key {field}")
        raise InvalidError(
            f'template: {scope.name}:1: executing "{scope.name}" at <.{".".join(self.fields)}>: '
            f"can't evaluate field {field} in type {scope.type_name}"
        )


def parse(text: str, *, name: str) -> Template:
    """Parse a template. Raises InvalidError in Go's words for a malformed one."""
    parser = _Parser(name, _split(text, name))
    body, closer = parser.body(closers=())
    assert closer is None
    return Template(name, body)


def _split(text: str, name: str) -> list[tuple[bool, str]]:
    """Cut the text into (is_action, content), trim markers and comments taken away."""
    pieces: list[tuple[bool, str]] = []
    position = 0
    while True:
        start = text.find("{{", position)
        if start < 0:
            pieces.append((False, text[position:]))
            return pieces
        literal = text[position:start]
        end = _action_end(text, start + 2)
        if end < 0:
            raise InvalidError(f"template: {name}:1: unclosed action")
        action = text[start + 2 : end]
        if action.startswith("-") and action[1:2] in _BREAKING:
            literal, action = literal.rstrip(), action[1:]
        pieces.append((False, literal))
        position = end + 2
        if action.endswith("-") and action[-2:-1] in _BREAKING:
            action = action[:-1]
            position += len(text[position:]) - len(text[position:].lstrip())
        action = action.strip()
        if not (action.startswith("/*") and action.endswith("*/")):
            pieces.append((True, action))


def _action_end(text: str, position: int) -> int:
    quote = ""
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\" and quote == '"':
                position += 1
            elif character == quote:
                quote = ""
        elif character in "\"`'":
            quote = character
        elif text.startswith("}}", position):
            return position
        position += 1
    return -1


class _Parser:
    def __init__(self, name: str, pieces: list[tuple[bool, str]]) -> None:
        self.name = name
        self.pieces = iter(pieces)

    def fail(self, text: str) -> InvalidError:
        return InvalidError(f"template: {self.name}:1: {text}")

    def body(self, *, closers: tuple[str, ...]) -> tuple[list[_Node], str | None]:
        nodes: list[_Node] = []
        for is_action, content in self.pieces:
            if not is_action:
                if content:
                    nodes.append(_Text(content))
                continue
            word = content.split(None, 1)[0] if content else ""
            if word in ("end", "else"):
                if word not in closers:
                    raise self.fail(f"unexpected {{{{{word}}}}}")
                return nodes, content
            if word in ("if", "range", "with"):
                nodes.append(self.branch(word, content[len(word) :]))
            elif word in ("define", "template", "block", "break", "continue"):
                raise self.fail(f"{{{{{word}}}}} is not supported")
            else:
                nodes.append(_Action(self.pipeline(content)))
        if closers:
            raise self.fail("unexpected EOF")
        return nodes, None

    def branch(self, word: str, condition: str) -> _Branch:
        pipeline = self.pipeline(condition)
        body, closer = self.body(closers=("end", "else"))
        otherwise: list[_Node] = []
        if closer is not None and closer.startswith("else"):
            chained = closer[4:].strip()
            if chained.startswith("if"):
                otherwise = [self.branch("if", chained[2:])]
            else:
                otherwise, _ = self.body(closers=("end",))
        return _Branch(word, pipeline, body, otherwise)

    def pipeline(self, text: str) -> _Pipeline:
        tokens = self.tokens(text)
        names: list[str] = []
        for index, token in enumerate(tokens):
            if token in (":=", "="):
                names = [name for name in tokens[:index] if name != ","]
                tokens = tokens[index + 1 :]
                break
        pipeline, rest = self.commands(tokens, names)
        if rest:
            raise self.fail(f"unexpected {rest[0]} in command")
        return pipeline

    def commands(self, tokens: list[str], names: list[str]) -> tuple[_Pipeline, list[str]]:
        commands: list[list[Any]] = [[]]
        while tokens:
            token, *tokens = tokens
            if token == "|":
                commands.append([])
            elif token == ")":
                tokens = [token, *tokens]
                break
            elif token == "(":
                inner, tokens = self.commands(tokens, [])
                if not tokens or not tokens[0].startswith(")"):
                    raise self.fail("unclosed left paren")
                tokens = tokens[1:]
                fields = []
                if tokens and tokens[0].startswith(".") and len(tokens[0]) > 1:
                    fields = tokens[0][1:].split(".")
                    tokens = tokens[1:]
                commands[-1].append(_Chain(inner, fields))
            else:
                commands[-1].append(self.term(token))
        if not all(commands):
            raise self.fail("missing value for command")
        return _Pipeline(names, commands), tokens

    def term(self, token: str) -> Any:
        if token[0] in '"`':
            return _Constant(functions.unquote(token))
        if token[0] == ".":
            return _Chain(None, [field for field in token.split(".") if field])
        if token[0] == "$":
            start, *fields = token.split(".")
            return _Chain(start, fields)
        if token in ("true", "false", "nil"):
            return _Constant({"true": True, "false": False, "nil": None}[token])
        if token[0].isdigit() or (token[0] in "+-" and len(token) > 1):
            try:
                return _Constant(float(token) if "." in token else int(token, 0))
            except ValueError:
                raise self.fail(f'bad number syntax: "{token}"') from None
        if token in functions.TABLE:
            return _Function(token)
        raise self.fail(f'function "{token}" not defined')

    def tokens(self, text: str) -> list[str]:
        found: list[str] = []
        position = 0
        while position < len(text):
            character = text[position]
            if character in _BREAKING:
                position += 1
                continue
            end = self._token_end(text, position)
            found.append(text[position:end])
            position = end
        return found

    def _token_end(self, text: str, start: int) -> int:
        character = text[start]
        if character in '"`':
            end = start + 1
            while end < len(text) and text[end] != character:
                end += 2 if text[end] == "\\" and character == '"' else 1
            if end >= len(text):
                raise self.fail("unterminated quoted string")
            return end + 1
        if text.startswith(":=", start):
            return start + 2
        if character in _SPECIAL or character == ",":
            return start + 1
        if not (character.isalnum() or character in "_.$+-"):
            raise self.fail(f"bad character U+{ord(character):04X} {character!r}")
        end = start + 1
        while end < len(text) and (text[end].isalnum() or text[end] in "_."):
            end += 1
        return end
