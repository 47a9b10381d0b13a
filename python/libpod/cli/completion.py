"""`podman completion SHELL`: the script that a shell sources; it asks `podman __complete`."""

from __future__ import annotations

from libpod.cli.command import Command, Option, flag
from libpod.errors import InvalidError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libpod.cli.context import Context, Options

_BASH = r"""# bash completion for podman
_podman() {
    local line=${COMP_LINE:0:COMP_POINT} words current out directive cut value
    read -ra words <<<"$line"
    if [[ $line == *[[:space:]] ]]; then words+=(""); fi
    current=${words[-1]}
    out=$("${words[0]}" __completeNoDesc "${words[@]:1}" 2>/dev/null) || return
    directive=${out##*:}
    out=${out%:*}
    if [[ $current == --*=* ]]; then current=${current#*=}; fi
    # bash completes what stands behind the last of its own word breaks.
    cut=
    if [[ $current == *[:=]* ]]; then cut=${current%"${current##*[:=]}"}; fi
    COMPREPLY=()
    while IFS= read -r value; do
        if [[ -n $value && $value == "$current"* ]]; then COMPREPLY+=("${value#"$cut"}"); fi
    done <<<"$out"
    if ((directive & 2)); then compopt -o nospace; fi
    if ((!(directive & 5) && ${#COMPREPLY[@]} == 0)); then compopt -o default -o bashdefault; fi
}
complete -F _podman podman libpod
"""

_ZSH = r"""#compdef podman libpod
_podman() {
    local out directive line
    local -a offers
    out=$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null) || return 1
    directive=${out##*:}
    out=${out%:*}
    for line in "${(@f)out}"; do
        [[ -n $line ]] || continue
        # _describe parts an offer from its description at the first colon that is not escaped.
        if [[ $line == *$'\t'* ]]; then
            offers+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
        else
            offers+=("${line//:/\\:}")
        fi
    done
    if (( ${#offers} )); then
        if (( directive & 2 )); then _describe -V podman offers -S ''; else _describe -V podman offers; fi
    elif (( !(directive & 5) )); then
        _files
    fi
}
if [ "$funcstack[1]" = "_podman" ]; then _podman; else compdef _podman podman libpod; fi
"""

_FISH = r"""# fish completion for podman
function __podman_offers
    set -l words (commandline -opc) (commandline -ct)
    set -l out ($words[1] __complete $words[2..-1] 2>/dev/null)
    or return
    set -l directive (string replace : '' -- $out[-1])
    set -e out[-1]
    set -l flag (string match -r -- '^--[^=]*=' (commandline -ct))
    if test (count $out) -gt 0
        for offer in $out
            echo -- "$flag$offer"
        end
    else if test (math "bitand($directive, 5)") -eq 0
        __fish_complete_path (commandline -ct)
    end
end
for name in podman libpod
    complete -c $name -f -a '(__podman_offers)'
end
"""

SCRIPTS = {"bash": _BASH, "fish": _FISH, "zsh": _ZSH}


def run(context: Context, options: Options, arguments: list[str]) -> int:
    """Print the script, or write it to a file."""
    shell = arguments[0]
    if shell == "powershell":
        raise UnsupportedError("completion for powershell is not supported by this version of libpod")
    if shell not in SCRIPTS:
        raise InvalidError(f'invalid argument "{shell}" for "podman completion"')
    script = SCRIPTS[shell]
    if options.no_desc:
        script = script.replace("__complete ", "__completeNoDesc ")
    if options.file:
        with open(options.file, "w", encoding="utf-8") as file:
            file.write(script)
    else:
        context.put(script)
    return 0


COMMAND = Command(
    "completion",
    call=run,
    usage="[options] {bash|zsh|fish|powershell}",
    short="Generate shell autocompletions",
    long="Generate shell autocompletions.\n"
    "  Valid arguments are bash, zsh, fish, and powershell.\n"
    "  Please refer to the man page to see how you can load these completions.",
    options=(
        Option("--file", "-f", help="Output the completion to file rather than stdout."),
        flag("--no-desc", help="Don't include descriptions in the completion output."),
    ),
    least=1,
    most=1,
    examples=("podman completion bash", "podman completion zsh -f _podman", "podman completion fish --no-desc"),
)
