# shellcheck shell=bash
# Sourced by the commands here: docker compose as installed, with their arguments.
if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
compose+=("$@" --profile tls)

# The reader of the output may go away in mid-run (a lost connection, a cancelled job): tee goes on reading, so that
# neither a command nor its clean-up ends by writing a line.
exec > >(trap '' INT TERM HUP; exec tee -p /dev/null) 2> >(trap '' INT TERM HUP; exec tee -p /dev/null >&2)

# The containers of services, including stopped ones, without those of `docker compose run`.
containers() {
  local format='{{if ne (index .Config.Labels "com.docker.compose.oneoff") "True"}}{{.Id}}{{end}}'
  "${compose[@]}" ps -a -q "$@" | xargs -r docker inspect --format "$format" | { grep . || true; }
}

running() {
  containers "$@" | xargs -r docker inspect --format '{{if .State.Running}}{{.Id}}{{end}}' | { grep . || true; }
}
