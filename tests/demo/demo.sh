#!/usr/bin/env bash
# The main job, step by step: push an image, pull it, run it, mirror it, look at it. Each step prints its command line
# and the documents that the command wrote. The registry and the store live in a directory that is gone at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/.venv/bin:$PATH"

work=$(mktemp -d "${TMPDIR:-/tmp}/ocipipe-demo.XXXXXX")
export OCIPIPE_ROOT="$work/store" OCIPIPE_RUN_ROOT="$work/run"
registry_pid=

cleanup() {
  status=$?
  trap - EXIT
  { ctr-ps -aq | ctr-rm -qf; } >/dev/null 2>&1 || true
  [ -z "$registry_pid" ] || { kill "$registry_pid" && wait "$registry_pid"; } 2>/dev/null || true
  awk -v below="$work/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount
  rm -rf "$work"
  exit $status
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

bold='' plain=''
if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; fi

say() { printf '\n# %s\n' "$*"; }
# Shows a command line, runs it, and shows its documents indented.
run() {
  printf '%s$ %s%s\n' "$bold" "$*" "$plain"
  bash -o pipefail -c "$*" | jq -Rr '. as $line | try fromjson catch $line'
}

cat >"$work/registry.yml" <<CONFIG
version: 0.1
log: { level: info, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: $work/registry } }
http: { addr: 127.0.0.1:0 }
CONFIG
OTEL_TRACES_EXPORTER=none docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
registry_pid=$!
registry=
for _ in $(seq 300); do
  registry=$(grep -o -m1 'listening on 127.0.0.1:[0-9]*' "$work/registry.log" | grep -o '127.*') && break
  kill -0 "$registry_pid" 2>/dev/null || break
  sleep 0.1
done
[ -n "$registry" ] || { cat "$work/registry.log" >&2; echo "demo: the registry did not start" >&2; exit 1; }

say "A registry runs on $registry. A base image, made of this machine's busybox:"
run "python tests/demo/base_image.py busybox:demo"
run "img-ls"

say "Push it, and take it out of the store:"
run "img-push busybox:demo $registry/busybox:demo"
run "img-rm -q busybox:demo"

say "Pull it. What comes out is an OCI descriptor, and that is what every pipe carries:"
run "img-pull $registry/busybox:demo"

told=$(ctr-run --rm "$registry/busybox:demo" true 2>&1) || export OCIPIPE_NETWORK=none

say "Pull it and run a process in it:"
run "img-pull $registry/busybox:demo | ctr-run --rm - cat /etc/os-release"

say "A container has its own host name, processes and users; its exit status is its process's:"
run "ctr-run --rm --hostname inside --user app $registry/busybox:demo sh -c 'hostname; id; ps; exit 7'; echo \"exit status \$?\""

say "In the background it answers on a port of this machine, and its volume outlives it:"
if [ -z "$told" ]; then
  page="sh -c 'echo hello >/www/index.html; exec httpd -f -h /www'"
  run "ctr-run -d --name web -p 127.0.0.1::80 -v site:/www $registry/busybox:demo $page"
  run "ctr-ps | jq -r '.annotations.\"org.ocipipe.ports\"' | cut -d/ -f1"
  port=$(ctr-ps | jq -r '.annotations."org.ocipipe.ports" | split(":")[1]')
  for _ in $(seq 50); do busybox wget -qO- "http://127.0.0.1:$port/" >/dev/null 2>&1 && break; sleep 0.1; done
  run "busybox wget -qO- http://127.0.0.1:$port/"
  run "ctr-rm -qf web"
  run "ctr-run --rm -v site:/www $registry/busybox:demo cat /www/index.html"
  run "vol-rm -q site"
else
  printf 'Not here, where no network can be made: %s\n' "$told"
fi

say "Mirror it: nothing is sent that the registry has."
run "img-pull $registry/busybox:demo | img-push $registry/mirror/busybox:demo"
run "reg-tags $registry/mirror/busybox"

say "The documents behind the descriptor are the stored bytes, so their digest holds:"
run "img-inspect --manifest $registry/busybox:demo"
run "img-inspect --manifest $registry/busybox:demo | sha256sum"
run "img-inspect --config $registry/busybox:demo"
run "img-inspect --manifest $registry/busybox:demo | oci-validate"

say "Give it another name, list the images as a terminal shows them, remove them:"
run "img-tag $registry/busybox:demo box:1"
run "img-ls --format table"
run "img-ls | img-rm -q"
run "img-ls"

say "Done; the registry and the store are gone."
