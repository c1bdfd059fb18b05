#!/usr/bin/env bash
# Everything that is to be measured on a GPU, in one run: the tests that need one, then Tuna and Transformers in turns.
#
#   benchmarks/gpu/run.sh [PHASE ...]     phases: tests step memory adapters sample real checkpoint; all when none is named
#
# Needs an NVIDIA GPU, the .NET SDK, and for the other side Python with torch and transformers. Results: a JSON line each in
# $OUT/results.jsonl ($OUT is gpu-results when not set), what programs said in $OUT/*.log.
#   DEVICE=cpu    tries the script where there is no GPU, with tiny models
#   ROUNDS=2      turns of each comparison
#   BENCH, TEST   commands of the published benchmarks and tests, where they were built elsewhere
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
OUT=${OUT:-gpu-results}
DEVICE=${DEVICE:-cuda}
ROUNDS=${ROUNDS:-2}
libtorch=$([ "$DEVICE" = cuda ] && echo -p:Libtorch=cuda-linux || echo -p:Libtorch=cpu)
project=$root/benchmarks/Tuna.Llama.Benchmarks
mkdir -p "$OUT"
[ $# -gt 0 ] || set -- tests step memory adapters sample real checkpoint
failures=0

if [ -z "${BENCH:-}" ]; then
  dotnet build "$project" -c Release "$libtorch" -v q || exit 1
  BENCH="dotnet run --no-build -c Release $libtorch --project $project --"
fi

# One measurement: a name, a time limit in seconds, the command. A failure is a line too, and the rest goes on.
measure() {
  local name=$1 limit=$2 line
  shift 2
  if line=$(timeout "$limit" "$@" 2>>"$OUT/$name.log" | tail -n 1) && [ -n "$line" ]; then
    echo "{\"name\":\"$name\",${line#\{}" | tee -a "$OUT/results.jsonl"
  else
    failures=$((failures + 1))
    echo "{\"name\":\"$name\",\"failed\":\"$(tail -n 1 "$OUT/$name.log" | tr -d '"\\' | cut -c1-200)\"}" | tee -a "$OUT/results.jsonl"
  fi
}
tuna() { measure "$1" "$2" $BENCH "${@:3}" --device "$DEVICE"; }
other() { measure "$1" "$2" python3 "$here/transformers_side.py" "${@:3}" --device "$DEVICE"; }
turns() { for _ in $(seq "$ROUNDS"); do "$@"; done; }

one=(--config 2048,22,32,4,5632,32000)
llama32=(--config 2048,16,32,8,8192,128256 --tied 1 --groups 4)
small=(--config 768,12,12,12,2048,32000)
seven=(--config 4096,32,32,32,11008,32000 --activations Recompute --groups 2 --micro 1 --reps 3)
sizes=()
if [ "$DEVICE" = cpu ]; then
  tiny=64,2,4,2,128,500
  one=(--config $tiny) llama32=(--config $tiny --tied 1) small=(--config $tiny --steps 5)
  seven=(--config $tiny --activations Recompute --micro 1)
  sizes=(--prompt 16 --lengths 5,9 --groups 2 --reps 2 --new-tokens 6)
fi

pair_step() {
  tuna step-1.1B 120 step "${one[@]}" "${sizes[@]}"
  other step-1.1B-transformers 180 step "${one[@]}" "${sizes[@]}"
  tuna step-1.1B-one-group-a-pass 120 step "${one[@]}" "${sizes[@]}" --micro 1
  tuna step-llama-3.2-1B 120 step "${llama32[@]}" "${sizes[@]}"
  other step-llama-3.2-1B-transformers 180 step "${llama32[@]}" "${sizes[@]}"
}
pair_sample() {
  tuna sample-16x4 120 sample "${one[@]}" "${sizes[@]}"
  other sample-16x4-transformers 180 sample "${one[@]}" "${sizes[@]}"
  tuna sample-1 120 sample "${one[@]}" "${sizes[@]}" --prompts 1 --samples 1
  other sample-1-transformers 180 sample "${one[@]}" "${sizes[@]}" --prompts 1 --samples 1
}

for phase in "$@"; do
  echo "== $phase"
  case $phase in
    tests)
      filter='Category=Gpu|FullyQualifiedName~OperationsTests'
      ${TEST:-dotnet test "$root/tests/Tuna.Llama.Tests" -c Release "$libtorch" --filter "$filter"} \
        >"$OUT/tests.log" 2>&1 || failures=$((failures + 1))
      grep -E "^ *Failed |^(Passed|Failed|Skipped)!|Total tests" "$OUT/tests.log"
      ;;
    step) turns pair_step ;;
    memory)
      tuna moments-of-a-byte 120 step "${one[@]}" "${sizes[@]}" --micro 1 --moments EightBit
      tuna layers-recomputed 120 step "${one[@]}" "${sizes[@]}" --activations Recompute
      tuna half-of-the-layers-kept 120 step "${one[@]}" "${sizes[@]}" --kept-layers 0.5
      tuna gradients-as-they-arrive 120 step "${one[@]}" "${sizes[@]}" --gradients Recompute
      tuna 7B-whole 240 step "${seven[@]}" "${sizes[@]}" --moments EightBit
      tuna 7B-adapters-4-bit-base 240 step "${seven[@]}" "${sizes[@]}" --lora 16 --base Nf4
      ;;
    adapters)
      tuna adapters 120 step "${one[@]}" "${sizes[@]}" --lora 16
      tuna adapters-one-group-a-pass 120 step "${one[@]}" "${sizes[@]}" --micro 1 --lora 16
      tuna adapters-4-bit-base 120 step "${one[@]}" "${sizes[@]}" --lora 16 --base Nf4
      tuna adapters-4-bit-base-one-group-a-pass 120 step "${one[@]}" "${sizes[@]}" --micro 1 --lora 16 --base Nf4
      ;;
    sample)
      turns pair_sample
      tuna sample-top-p 120 sample "${one[@]}" "${sizes[@]}" --top-p 0.9
      ;;
    real) tuna real-lengths 120 real "${small[@]}" ;;
    checkpoint) tuna checkpoints 240 checkpoint --size "$([ "$DEVICE" = cpu ] && echo small || echo 110m)" ;;
    *) echo "There is no phase $phase." >&2; exit 2 ;;
  esac
done
# A GPU that computes by plain operations is not what is to be measured.
grep -hE "CUDA kernels|plain operations" "$OUT"/*.log 2>/dev/null | sort | uniq -c
[ "$failures" -eq 0 ] || { echo "$failures failed: see $OUT/results.jsonl" >&2; exit 1; }
