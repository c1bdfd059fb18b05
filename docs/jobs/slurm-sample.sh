#!/bin/bash
# A stage in shares under Slurm: an array of eight jobs, each of which does every eighth row. Submit with: sbatch docs/jobs/slurm-sample.sh
# When all have ended: tuna merge --out samples.jsonl. A share that died is submitted again alone: sbatch --array=3 docs/jobs/slurm-sample.sh
#SBATCH --job-name=tuna-sample
#SBATCH --array=0-7
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
set -euo pipefail

tuna sample --model "$HOME/models/alpaca" --data "$HOME/data/alpaca.json" --out "$HOME/data/samples.jsonl" --shard "$SLURM_ARRAY_TASK_ID/8"
