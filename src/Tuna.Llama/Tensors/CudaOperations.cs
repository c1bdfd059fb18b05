using Tuna.Llama.Tensors.Cuda;
using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>With CUDA kernels of our own: one launch where libtorch needs several, and single precision inside each.</summary>
internal sealed class CudaOperations : Operations
{
    private const int Threads = 256;
    private const int Blocks = 1056;            // eight for each of an H100's 132 multiprocessors; loops take what is left
    private const int LargestShared = 48 << 10; // bytes of shared memory that every device gives a block

    /// <summary>The kernels' sources.</summary>
    public static readonly string[] Sources = ["layer.cu", "training.cu", "moments.cu", "packed.cu", "decoding.cu"];

    private readonly PlainOperations _plain = new();
    private readonly KernelModule _kernels;
    private Tensor? _levels; // of moments of a byte each
    private Tensor? _nf4;    // levels of weights in 4 bits and of their magnitudes

    internal CudaOperations(KernelModule kernels) => _kernels = kernels;

    public override KernelModule Kernels => _kernels;

    public override bool SplitsWeights => true;

    /// <summary>Compiles the kernels; null, with the reason, where there is no compiler or it refuses.</summary>
    public static CudaOperations? TryCreate(Device device, ScalarType dtype, HeadShape shape, out string? reason)
    {
        try
        {
            reason = null;
            return Create(device, dtype, shape);
        }
        catch (Exception e) when (e is InvalidOperationException or DllNotFoundException or EntryPointNotFoundException)
        {
            reason = $"No CUDA kernels: {e.Message}";
            return null;
        }
    }

    /// <summary>Compiles the kernels.</summary>
    /// <exception cref="InvalidOperationException">There is no compiler, or it refuses a source; the message holds its log.</exception>
    public static CudaOperations Create(Device device, ScalarType dtype, HeadShape shape)
    {
        string[] defines = [.. dtype == ScalarType.BFloat16
            ? ["BF16"] : Array.Empty<string>(), $"HEAD={shape.Width}", $"FOLD={shape.Fold}"];
        return new CudaOperations(KernelModule.Compile(Math.Max(0, device.index), Sources, defines));
    }

    public override ScalarType AngleType(ScalarType dtype) => ScalarType.Float32;

    public override Tensor Norm(Tensor x, Tensor weight, double epsilon)
    {
        Tensor y = empty_like(x);
        (int rows, int d) = ((int)x.shape[0], (int)x.shape[1]);
        _kernels.Launch(Variant("rms_norm", d), (rows, 1), RowThreads(d), 0, Argument.Of(x), Argument.Of(weight), Argument.Of(y),
            Argument.Of(d), Argument.Of((float)epsilon));
        return y;
    }

    public override Tensor NormBackward(Tensor dy, Tensor x, Tensor weight, double epsilon, Tensor? around, out Tensor dw)
    {
        (int rows, int d) = ((int)x.shape[0], (int)x.shape[1]);
        if (d * sizeof(float) > LargestShared)
            return _plain.NormBackward(dy, x, weight, epsilon, around, out dw);
        Tensor dx = empty_like(x);
        int blocks = Math.Min(rows, Blocks / 4);
        using Tensor shares = empty([blocks, d], ScalarType.Float32, x.device);
        _kernels.Launch(
            Variant("rms_norm_backward", d), (blocks, 1), RowThreads(d), d * sizeof(float),
            Argument.Of(dy), Argument.Of(x), Argument.Of(weight), Argument.Of(around), Argument.Of(dx), Argument.Of(shares),
                Argument.Of(rows), Argument.Of(d), Argument.Of((float)epsilon));
        dw = shares.sum(dim: 0);
        return dx;
    }

    public override void Rotate(Tensor qkv, Rotary angles, int heads, bool back)
    {
        (int rows, int stride, int half) = ((int)qkv.shape[0], (int)qkv.shape[1], (int)angles.Cos.shape[1]);
        long threads = (long)rows * heads * half / (half % 8 == 0 ? 8 : 1);
        _kernels.LaunchEach(
            Variant("rotate", half), threads,
            Argument.Of(qkv), Argument.Of(angles.Cos), Argument.Of(angles.Sin), Argument.Of(rows), Argument.Of(stride), Argument.Of(heads),
                Argument.Of(half), Argument.Of(back ? -1f : 1f));
    }

    public override void MergeAttention(Tensor output, Tensor logSums, Tensor other, Tensor otherSums, int start)
    {
        (int total, int n, int heads, int width) = ((int)output.shape[0], (int)other.shape[0], (int)output.shape[1], (int)output.shape[2]);
        _kernels.Launch(
            "merge", (n, heads), Math.Min(Threads, (width + 31) / 32 * 32), 0,
            Argument.Of(output), Argument.Of(logSums), Argument.Of(other), Argument.Of(otherSums), Argument.Of(start), Argument.Of(total),
                Argument.Of(n), Argument.Of(heads), Argument.Of(width));
    }

    public override Tensor CollectAttention((Tensor Q, Tensor K, Tensor V) own, (Tensor Q, Tensor K, Tensor V)? prompts, Rotary angles,
        int start)
    {
        (int rows, int heads, int keys, int half) =
            ((int)own.Q.shape[0], (int)own.Q.shape[1], (int)own.K.shape[1], (int)own.Q.shape[2] / 2);
        Tensor result = empty([rows, (heads + (2 * keys)) * 2 * half], own.Q.dtype, own.Q.device);
        _kernels.LaunchEach(
            "collect", (long)rows * (heads + (2 * keys)) * half,
            Argument.Of(result), Argument.Of(own.Q), Argument.Of(own.K), Argument.Of(own.V), Argument.Of(prompts?.Q),
                Argument.Of(prompts?.K), Argument.Of(prompts?.V),
            Argument.Of(angles.Cos), Argument.Of(angles.Sin), Argument.Of(rows), Argument.Of(heads), Argument.Of(keys), Argument.Of(half),
            Argument.Of(start), Argument.Of((int)(prompts?.Q.shape[0] ?? 0)), Argument.Of(0), Argument.Of((int)(prompts?.K.shape[0] ?? 0)));
        return result;
    }

    public override Tensor Gate(Tensor gateUp)
    {
        (long rows, int f) = (gateUp.shape[0], (int)gateUp.shape[1] / 2);
        Tensor result = empty([rows, f], gateUp.dtype, gateUp.device);
        _kernels.LaunchEach(Variant("gate", f), rows * f / (f % 8 == 0 ? 8 : 1), Argument.Of(gateUp), Argument.Of(result),
            Argument.Of(rows), Argument.Of(f));
        return result;
    }

    public override Tensor GateBackward(Tensor gateUp, Tensor ds, out Tensor product)
    {
        (long rows, int f) = (gateUp.shape[0], (int)gateUp.shape[1] / 2);
        Tensor result = empty_like(gateUp);
        product = empty_like(ds);
        _kernels.LaunchEach(
            Variant("gate_backward", f), rows * f / (f % 8 == 0 ? 8 : 1),
            Argument.Of(gateUp), Argument.Of(ds), Argument.Of(result), Argument.Of(product), Argument.Of(rows), Argument.Of(f));
        return result;
    }

    public override void LogProbs(Tensor logits, PairRows pairs, Tensor logSums, Tensor values) => _kernels.Launch(
        "log_probs", ((int)logits.shape[0], 1), 512, 0,
        Argument.Of(logits), Argument.Of(pairs.Starts), Argument.Of(pairs.Tokens), Argument.Of(logSums), Argument.Of(values),
            Argument.Of((int)logits.shape[1]));

    public override Tensor LogProbsBackward(Tensor logits, PairRows pairs, Tensor logSums, Tensor gradients, Tensor totals)
    {
        using Tensor scratch = empty_like(gradients);
        _kernels.Launch(
            "log_probs_backward", ((int)logits.shape[0], 1), 512, 0,
            Argument.Of(logits), Argument.Of(pairs.Starts), Argument.Of(pairs.Tokens), Argument.Of(logSums), Argument.Of(gradients),
                Argument.Of(totals), Argument.Of(scratch), Argument.Of((int)logits.shape[1]));
        return logits.alias();
    }

    public override void Split(Tensor weights, Tensor upper, Tensor lower) =>
        _kernels.Launch("split_weights", (Blocks, 1), Threads, 0, Argument.Of(weights), Argument.Of(upper), Argument.Of(lower),
            Argument.Of(weights.numel()));

    public override Tensor Join(Tensor upper, Tensor lower)
    {
        Tensor weights = empty(upper.shape, ScalarType.Float32, upper.device);
        _kernels.Launch("join_weights", (Blocks, 1), Threads, 0, Argument.Of(upper), Argument.Of(lower), Argument.Of(weights),
            Argument.Of(weights.numel()));
        return weights;
    }

    public override void AdamW(in AdamWTensors tensors, in AdamWNumbers numbers)
    {
        bool halves = tensors.Lower is not null;
        string name = halves ? tensors.Gradient?.dtype == ScalarType.BFloat16
            ? "adamw_split_bf16" : "adamw_split_float" : "adamw_plain_float";
        ulong[] moved = halves ? [Argument.Of(tensors.Weights), Argument.Of(tensors.Lower)] : [Argument.Of(tensors.Weights)];
        _kernels.Launch(
            name, (Blocks, 1), Threads, 0,
            [.. moved, Argument.Of(tensors.Gradient), Argument.Of(tensors.Moment1), Argument.Of(tensors.Moment2),
                Argument.Of(tensors.Weights.numel()), .. Settings(numbers)]);
    }

    public override void CompactAdamW(MovedTensors moved, CompactPart moments, in AdamWNumbers numbers)
    {
        bool halves = moved.Lower is not null;
        string name = halves ? moved.Gradient?.dtype == ScalarType.BFloat16
            ? "adamw_compact_split_bf16" : "adamw_compact_split_float" : "adamw_compact_plain_float";
        _levels ??= tensor([.. BlockCodes.Levels(true), .. BlockCodes.Levels(false)], device: moved.Weights.device)
            .DetachFromDisposeScope();
        ulong[] weights = halves ? [Argument.Of(moved.Weights), Argument.Of(moved.Lower)] : [Argument.Of(moved.Weights)];
        _kernels.Launch(
            name, (Blocks, 1), Threads, 0,
            [
                .. weights, Argument.Of(moved.Gradient), Argument.Of(moments.First.Codes), Argument.Of(moments.First.Scales),
                    Argument.Of(moments.Root.Codes), Argument.Of(moments.Root.Scales),
                Argument.Of(_levels), Argument.Of(moments.First.Count), Argument.Of((int)numbers.Noise), .. Settings(numbers),
            ]);
    }

    private static ulong[] Settings(in AdamWNumbers numbers) =>
    [
        Argument.Of((float)numbers.Beta1), Argument.Of((float)numbers.Beta2), Argument.Of((float)numbers.Epsilon),
            Argument.Of((float)numbers.Decay),
        Argument.Of((float)numbers.Rate), Argument.Of((float)(1 / numbers.Correction)), Argument.Of((float)numbers.Scale),
    ];

    public override void Unpack(Nf4Codes codes, Tensor target, long row)
    {
        int columns = (int)target.shape[1];
        ulong at = Argument.Of(target) + (ulong)(row * columns * target.element_size());
        _nf4 ??= tensor([.. Nf4Codes.Levels, .. BlockCodes.Levels(true)], device: target.device).DetachFromDisposeScope();
        _kernels.LaunchEach(
            Variant("unpack_nf4", columns), codes.Count / (columns % 8 == 0 ? 8 : 1),
            Argument.Of(codes.Codes), Argument.Of(codes.Magnitudes.Codes), Argument.Of(codes.Magnitudes.Scales), Argument.Of(codes.Mean),
                Argument.Of(_nf4), at, Argument.Of(codes.Count));
    }

    public override Tensor Squares(IReadOnlyList<Tensor> tensors)
    {
        const int Shares = 128; // blocks a tensor
        Tensor sums = empty([tensors.Count * Shares], ScalarType.Float64, tensors[0].device);
        ulong at = Argument.Of(sums);
        for (int t = 0; t < tensors.Count; t++)
        {
            string name = tensors[t].dtype == ScalarType.BFloat16 ? "squares_bf16" : "squares_float";
            _kernels.Launch(name, (Shares, 1), Threads, 0, Argument.Of(tensors[t]), at + (ulong)(t * Shares * sizeof(double)),
                Argument.Of(tensors[t].numel()));
        }

        return sums;
    }

    public override void Dispose()
    {
        _levels?.Dispose();
        _nf4?.Dispose();
        _kernels.Dispose();
        base.Dispose();
    }

    /// <summary>Threads for a row: whole warps, and none without work, as a head is short.</summary>
    private static int RowThreads(int width) => Math.Clamp(((width / (width % 8 == 0 ? 8 : 1)) + 31) / 32 * 32, 32, Threads);

    private static string Variant(string name, int width) => width % 8 == 0 ? name + "_8" : name + "_1";
}
