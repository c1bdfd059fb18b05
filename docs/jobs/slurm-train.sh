#!/bin/bash
# Data-parallel training under Slurm: two nodes, four GPUs each, one process a GPU. Submit with: sbatch docs/jobs/slurm-train.sh
#SBATCH --job-name=tuna-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@120
set -euo pipefail

# The run's folder lies on a file system that all nodes share. A requeued job goes on from its last checkpoint; SIGTERM, two minutes before
# the end, makes one more.
srun --mpi=pmix --kill-on-bad-exit=1 tuna train \
  --model "$HOME/models/alpaca" --data "$HOME/data/ranked.jsonl" --out "$HOME/models/tuna" \
  --engine torch --device cuda --batch 128 --gradient-leaves 8 --shard-optimizer
