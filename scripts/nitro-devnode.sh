#!/usr/bin/env bash
# Starts the official Nitro node as a development chain in Docker, for running the tests and the demo against the
# real thing:
#
#   scripts/nitro-devnode.sh                                    # starts, waits until it answers, prints what to do
#   PALISADE_RPC_URL=http://127.0.0.1:8547 cargo test --test story
#   palisade demo --rpc http://127.0.0.1:8547
#   scripts/nitro-devnode.sh stop
set -euo pipefail
image=${NITRO_IMAGE:-offchainlabs/nitro-node:v3.11.1-8512b8c}
name=${NITRO_CONTAINER:-palisade-nitro}
port=${NITRO_PORT:-8547}
url=http://127.0.0.1:$port

command -v docker >/dev/null || { echo "docker is missing; the embedded node needs none: palisade node" >&2; exit 1; }
docker info >/dev/null 2>&1 || { echo "the Docker engine does not answer: start it, or use the embedded node: palisade node" >&2; exit 1; }

if [ "${1:-start}" = stop ]; then
  docker rm -f "$name" >/dev/null 2>&1 || true
  echo "stopped $name"
  exit 0
fi

docker rm -f "$name" >/dev/null 2>&1 || true
docker run -d --rm --name "$name" -p "127.0.0.1:$port:8547" "$image" \
  --dev --http.addr 0.0.0.0 --http.api=net,web3,eth,debug,arb --http.corsdomain='*' --http.vhosts='*' >/dev/null

ask() {
  curl -sf -m 2 -H 'content-type: application/json' \
    -d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\",\"params\":$2}" "$url"
}
for _ in $(seq 120); do
  if ask eth_chainId '[]' >/dev/null 2>&1; then
    echo "Nitro answers at $url (chain 412346; container $name)"
    echo "  palisade demo --rpc $url"
    echo "  PALISADE_RPC_URL=$url cargo test --test story"
    exit 0
  fi
  sleep 0.5
done
echo "Nitro did not answer within 60 s; its last words:" >&2
docker logs --tail 20 "$name" >&2
exit 1
