#!/usr/bin/env bash
# What dist_train.sh and dist_test.sh share: dist_run.sh PROGRAM PROCESSES [arguments]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# The checkout comes first, so that a run from it never uses an older installed copy.
export PYTHONPATH="$(dirname "$here")${PYTHONPATH:+:$PYTHONPATH}"
rendezvous=(--nnodes "${NNODES:-1}" --node_rank "${NODE_RANK:-0}"
            --master_addr "${MASTER_ADDR:-127.0.0.1}" --master_port "${PORT:-29500}")
exec "${PYTHON:-python}" -m torch.distributed.run "${rendezvous[@]}" --nproc_per_node "$2" \
    "$here/$1" "${@:3}" --launcher pytorch
