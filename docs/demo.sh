#!/bin/sh
# The main job, end to end, on a fresh machine and with no network: an image from the machine's own files is imported,
# saved, removed, loaded, run, looked at, and removed. Everything happens in a store of its own that is gone afterwards.
set -eu

work=$(mktemp -d /tmp/libpod-demo.XXXXXX)
pod() { podman --root "$work/root" --runroot "$work/run" "$@"; }
cleanup() { pod rm -f -a -t 0 >/dev/null 2>&1 || true; rm -rf "$work"; }
trap cleanup EXIT INT TERM

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
show() { printf '$ podman %s\n' "$*"; pod "$@"; }

say "a root filesystem from this machine's own programs"
mkdir -p "$work/rootfs/bin" "$work/rootfs/tmp" "$work/rootfs/etc"
copy() { # a file to the same place below the new root, symbolic links followed
    mkdir -p "$work/rootfs$(dirname "$1")"
    cp -L "$1" "$work/rootfs$1"
}
for name in sh ls cat echo id uname sleep hostname; do
    program=$(command -v "$name") || continue
    case $program in /*) ;; *) program=/bin/$name ;; esac
    [ -x "$program" ] || continue
    cp -L "$program" "$work/rootfs/bin/$name"
    for library in $(ldd "$program" 2>/dev/null | grep -o '/[^ ]*' || true); do copy "$library"; done
done
printf 'root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000::/tmp:/bin/sh\n' >"$work/rootfs/etc/passwd"
printf 'root:x:0:\nguest:x:1000:\n' >"$work/rootfs/etc/group"
tar -C "$work/rootfs" --owner=0 --group=0 -cf "$work/rootfs.tar" .
ls -lh "$work/rootfs.tar"

say "import it as an image, save it as a docker-archive, remove it, load it again"
show import --change 'CMD ["/bin/sh", "-c", "echo hello from a container; id; uname -s"]' "$work/rootfs.tar" demo:1
show save -q -o "$work/demo.tar" demo:1
show rmi demo:1
show load -q -i "$work/demo.tar"
show images

say "run it"
show run --rm --network none demo:1

say "run it as a user, with memory and process limits, and a file of the host"
echo "a file of the host" >"$work/note"
show run --rm --network none --user guest -m 64m --pids-limit 20 -v "$work/note:/note:ro" demo:1 cat /note

say "run it in the background; look at it; run something beside it; stop it"
show run -d --name sleeper --network none demo:1 sh -c 'echo started; while :; do sleep 1; done'
show ps
show exec sleeper ls -l /
show logs sleeper
show stop -t 0 sleeper
show ps -a
show rm sleeper

say "remove the image"
show rmi demo:1
show images
say "done"
