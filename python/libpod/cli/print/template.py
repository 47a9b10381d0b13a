"""Go's text/template: `parse` makes a tree of a text, which `nodes` executes. `functions` has what a template can call.

Source: Go, package text/template/parse, parse.go's rules and words.
"""

from __future__ import annotations

from libpod.cli.print import functions, nodes
from libpod.cli.print.tokens import Piece, Token, pieces_of, tokens_of
from libpod.errors import InvalidError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parse(text: str, *, name: str, rows: bool = False) -> nodes.Template:
    """Parse a template. rows: it is one action, which walks over the rows of a listing.

    Raises: InvalidError in Go's words for a malformed one.
    """
    parser = _Parser(name, text)
    body, closer = parser.body(closers=())
    assert closer is None
    if rows and body and isinstance(body[0], nodes.Range):
        body[0].rows = True
    return nodes.Template(name, text, body, parser.defined)


class _Parser:
    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.defined: dict[str, list[nodes.Node]] = {}
        self.pieces = iter(pieces_of(text, self.fail))
        self.piece = Piece(0, "", is_action=False)
        self.loops = 0
        # The variables that can be named here, those of inner bodies last.
        self.visible: list[set[str]] = [{"$"}]

    def fail(self, text: str, place: int) -> InvalidError:
        return InvalidError(f"template: {self.name}:{self.text.count(chr(10), 0, place) + 1}: {text}")

    def body(self, *, closers: tuple[str, ...]) -> tuple[list[nodes.Node], list[Token] | None]:
        """Parse up to one of the words that end this body; return its tokens, too."""
        found: list[nodes.Node] = []
        for piece in self.pieces:
            self.piece = piece
            if not piece.is_action:
                if piece.text:
                    found.append(nodes.Text(piece.text))
                continue
            tokens = tokens_of(piece, self.fail)
            word = tokens[0].text if tokens and tokens[0].kind == "word" else ""
            if word in ("end", "else"):
                if word not in closers:
                    raise self.fail(f"unexpected {{{{{word}}}}}", piece.place)
                return found, tokens
            node = self.statement(word, tokens)
            if node is not None:
                found.append(node)
        if closers:
            raise self.fail("unexpected EOF", self.piece.place)
        return found, None

    def statement(self, word: str, tokens: list[Token]) -> nodes.Node | None:
        piece = self.piece
        if word in ("if", "with", "range"):
            return self.branch(word, tokens[1:])
        if word in ("break", "continue"):
            if not self.loops:
                raise self.fail(f"{{{{{word}}}}} outside {{{{range}}}}", piece.place)
            return nodes.Jump(word)
        if word == "template":
            name, rest = self.template_name(tokens, "template clause")
            return nodes.Call(name, self.pipeline(rest) if rest else None, piece.text.index('"') + piece.place)
        if word in ("define", "block"):
            name, rest = self.template_name(tokens, f"{word} clause")
            pipeline = self.pipeline(rest) if word == "block" else None
            loops, self.loops = self.loops, 0
            visible, self.visible = self.visible, [{"$"}]
            self.defined[name], _ = self.body(closers=("end",))
            self.loops, self.visible = loops, visible
            return nodes.Call(name, pipeline, piece.place) if word == "block" else None
        return nodes.Action(self.pipeline(tokens))

    def template_name(self, tokens: list[Token], where: str) -> tuple[str, list[Token]]:
        rest = [token for token in tokens[1:] if token.kind != "space"]
        if not rest or rest[0].kind != "string":
            shown = f"<{rest[0].text}>" if rest else "}}"
            raise self.fail(f"unexpected {shown} in {where}", self.piece.place)
        return functions.unquote(rest[0].text), tokens[tokens.index(rest[0]) + 1 :]

    def branch(self, word: str, tokens: list[Token]) -> nodes.Branch:
        self.visible.append(set())
        pipeline = self.pipeline(tokens, context=word)
        self.loops += word == "range"
        body, closer = self.body(closers=("end", "else"))
        self.loops -= word == "range"
        otherwise: list[nodes.Node] = []
        if closer is not None and closer[0].text == "else":
            chained = [token for token in closer[1:] if token.kind != "space"]
            if chained and chained[0].text in ("if", "with"):
                otherwise = [self.branch(chained[0].text, closer[closer.index(chained[0]) + 1 :])]
            elif chained:
                raise self.fail(f"unexpected <{chained[0].text}> in else", self.piece.place)
            else:
                otherwise, _ = self.body(closers=("end",))
        self.visible.pop()
        kind = nodes.Range if word == "range" else nodes.Branch
        return kind(word, pipeline, body, otherwise)

    def pipeline(self, tokens: list[Token], *, context: str = "command") -> nodes.Pipeline:
        names: list[str] = []
        declares = True
        for index, token in enumerate(tokens):
            if token.text in (":=", "=") and token.kind == "mark":
                names = [name.text for name in tokens[:index] if name.kind == "variable"]
                declares = token.text == ":="
                tokens = tokens[index + 1 :]
                break
        if declares:
            self.visible[-1].update(names)
        else:
            for name in names:
                self.check_variable(name)
        if len(names) > (2 if context == "range" else 1):
            raise self.fail(f"too many declarations in {context}", self.piece.place)
        pipeline, rest = self.commands(tokens, names, context, declares=declares)
        if rest:
            raise self.fail("unexpected right paren", rest[0].place)
        return pipeline

    def commands(
        self, tokens: list[Token], names: list[str], context: str, *, declares: bool = True
    ) -> tuple[nodes.Pipeline, list[Token]]:
        """Parse commands up to a `)` or the end; return what follows, too."""
        commands: list[nodes.Command] = []
        terms: list[Any] = []
        whole = tokens
        start = next((token.place for token in tokens if token.kind != "space"), self.piece.place)
        begin = start

        def finish(place: int) -> None:
            if not terms:
                raise self.fail(f"missing value for {context}", self.piece.place)
            commands.append(nodes.Command(list(terms), self.text[begin:place].strip(), begin))
            terms.clear()

        while tokens:
            token = tokens[0]
            if token.kind == "character":
                where = "operand" if terms else context
                raise self.fail(f'unexpected "{token.text}" in {where}', token.place)
            if token.text == ")" and token.kind == "mark":
                break
            if token.kind == "space":
                tokens = tokens[1:]
            elif token.text == "|" and token.kind == "mark":
                finish(token.place)
                tokens = tokens[1:]
                begin = next((other.place for other in tokens if other.kind != "space"), token.place)
            else:
                term, tokens = self.term(tokens)
                terms.append(term)
                if tokens and tokens[0].kind not in ("space", "mark", "character"):
                    raise self.fail(f'unexpected "{tokens[0].text}" in operand', tokens[0].place)
        end = tokens[0].place if tokens else self._end(whole)
        finish(end)
        return nodes.Pipeline(names, commands, self.text[start:end].strip(), start, declares=declares), tokens

    def check_variable(self, name: str) -> None:
        if not any(name in names for names in self.visible):
            raise self.fail(f'undefined variable "{name}"', self.piece.place)

    def _end(self, tokens: list[Token]) -> int:
        return tokens[-1].place + len(tokens[-1].text) if tokens else self.piece.place

    def term(self, tokens: list[Token]) -> tuple[Any, list[Token]]:
        token, rest = tokens[0], tokens[1:]
        start: Any = None
        if token.kind == "mark" and token.text == "(":
            start, rest = self.commands(rest, [], "parenthesized pipeline")
            if not rest:
                raise self.fail("unclosed left paren", token.place)
            rest = rest[1:]
        elif token.kind == "variable":
            start = token.text
            self.check_variable(start)
        elif token.kind == "field":
            rest = tokens
        elif token.kind != "dot":
            return self.simple(token), rest
        fields: list[str] = []
        place = token.place
        while rest and rest[0].kind == "field":
            if len(fields) == (1 if token.kind == "field" else 0) and token.kind != "mark":
                # Go names the second part of a chain as its place.
                place = rest[0].place
            fields.append(rest[0].text[1:])
            rest = rest[1:]
        if token.kind == "field" and len(fields) == 1:
            place = token.place
        shown = self.text[token.place : rest[0].place if rest else self._end(tokens)]
        if token.kind == "mark" and not fields:
            return start, rest
        return nodes.Chain(start, fields, shown, place), rest

    def simple(self, token: Token) -> Any:
        if token.kind == "string":
            return nodes.Constant(functions.unquote(token.text), token.text)
        if token.kind == "number":
            try:
                return nodes.Constant(functions.number(token.text), token.text)
            except ValueError:
                raise self.fail(f'bad number syntax: "{token.text}"', token.place) from None
        if token.text in ("true", "false", "nil"):
            return nodes.Constant({"true": True, "false": False, "nil": None}[token.text], token.text)
        if token.kind == "word" and functions.exists(token.text):
            return nodes.Function(token.text, token.place)
        if token.kind == "word":
            raise self.fail(f'function "{token.text}" not defined', token.place)
        raise self.fail(f'unexpected "{token.text}" in operand', token.place)
