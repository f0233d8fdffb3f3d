# shellcheck shell=bash
# Read by the commands here: docker compose as it is installed, with the arguments that they were given.
if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
compose+=("$@" --profile tls)

# Whoever listens may go away in mid-run, as a lost connection or a cancelled job does: what is said is taken all the
# same, so that neither a command nor its clean-up ends by saying something.
exec > >(trap '' INT TERM HUP; exec tee -p /dev/null) 2> >(trap '' INT TERM HUP; exec tee -p /dev/null >&2)

# The containers of services, those that do not run among them, without those of `docker compose run`.
containers() {
  local format='{{if ne (index .Config.Labels "com.docker.compose.oneoff") "True"}}{{.Id}}{{end}}'
  "${compose[@]}" ps -a -q "$@" | xargs -r docker inspect --format "$format" | { grep . || true; }
}

running() {
  containers "$@" | xargs -r docker inspect --format '{{if .State.Running}}{{.Id}}{{end}}' | { grep . || true; }
}
