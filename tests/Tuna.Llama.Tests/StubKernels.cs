using System.Runtime.CompilerServices;
using Tuna.Llama.Model;
using Tuna.Llama.Tensors;
using Tuna.Llama.Tensors.Cuda;
using Tuna.Models;
using static TorchSharp.torch;

namespace Tuna.Llama.Tests;

/// <summary>
/// Kernels that are counted in place of being launched, so that the GPU's way through the engine runs where there is none: the same calls
/// in the same order. What they would compute is garbage, but for what the host goes by.
/// </summary>
internal sealed unsafe class StubKernels() : KernelModule(0, 0)
{
    /// <summary>Launches.</summary>
    public long Launches { get; private set; }

    /// <summary>Parts of a model that runs on the CPU as on a GPU, with these kernels and attention that gives zeros.</summary>
    public ModelParts Parts(LlamaConfig config) =>
        new(config, CPU, ScalarType.BFloat16, kernels: false, new StubAttention(), new CudaOperations(this));

    public override void Launch(string name, (int X, int Y) grid, int threads, int shared, params ReadOnlySpan<ulong> arguments)
    {
        Launches++;
        switch (name)
        {
            case "squares_bf16" or "squares_float":
                new Span<double>((void*)arguments[1], grid.X).Clear();
                break;
            case "log_probs":
                var starts = (int*)arguments[1];
                new Span<float>((float*)arguments[4] + starts[0], starts[grid.X] - starts[0]).Clear();
                break;
            case "draw":
                new Span<long>((void*)arguments[6], grid.X).Fill(3);
                new Span<double>((void*)arguments[7], grid.X).Clear();
                break;
            case "split_weights":
                var exact = new ReadOnlySpan<uint>((void*)arguments[0], (int)arguments[3]);
                for (int i = 0; i < exact.Length; i++)
                {
                    Unsafe.Add(ref *(ushort*)arguments[1], i) = (ushort)(exact[i] >> 16);
                    Unsafe.Add(ref *(ushort*)arguments[2], i) = (ushort)exact[i];
                }

                break;
            case "join_weights":
                var joined = new Span<uint>((void*)arguments[2], (int)arguments[3]);
                for (int i = 0; i < joined.Length; i++)
                    joined[i] = (uint)Unsafe.Add(ref *(ushort*)arguments[0], i) << 16 | Unsafe.Add(ref *(ushort*)arguments[1], i);
                break;
        }
    }

    private sealed class StubAttention : SequenceAttention
    {
        public override (Tensor Output, Tensor LogSums) Forward(Tensor q, Tensor k, Tensor v, SequenceBounds sequences, bool causal) =>
            (zeros(q.shape, q.dtype), zeros(q.shape[1], q.shape[0]));

        public override (Tensor Q, Tensor K, Tensor V) Backward(Tensor gradient, Tensor q, Tensor k, Tensor v, Tensor output,
            Tensor logSums, SequenceBounds sequences, bool causal) =>
            (zeros(q.shape, q.dtype), zeros(k.shape, k.dtype), zeros(v.shape, v.dtype));

        public override void Dispose()
        {
        }
    }
}
