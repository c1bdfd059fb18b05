using Tuna.Llama.Tensors.Cuda;
using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>The row-wise work of a layer and of the optimizer, forward beside backward. None of it is recorded by autograd.</summary>
/// <remarks>
/// Letters: N rows, D width, F inner width, H heads, K key heads, E width of a head, V vocabulary. <see cref="PlainOperations"/> is the
/// reference, on every device;
/// <see cref="CudaOperations"/> does the same with kernels of its own, compiled at run time.
/// </remarks>
internal abstract class Operations : IDisposable
{
    /// <summary>The operations for a device and a type: kernels where they can be had and are wanted, else the plain ones.</summary>
    /// <param name="device">The device.</param>
    /// <param name="dtype">The type that the model computes in.</param>
    /// <param name="shape">The heads, for which decoding's attention is compiled.</param>
    /// <param name="kernels">Whether kernels are wanted.</param>
    /// <param name="reason">Receives why there are no kernels where they are wanted; else null.</param>
    public static Operations For(Device device, ScalarType dtype, HeadShape shape, bool kernels, out string? reason)
    {
        reason = null;
        return kernels && device.type == DeviceType.CUDA && CudaOperations.TryCreate(device, dtype, shape, out reason) is { } own
            ? own : new PlainOperations();
    }

    /// <summary>How numbers cross to the host and back, for whatever computes with these operations.</summary>
    public HostLink Link { get; } = new();

    /// <summary>The type that rotary angles are wanted in.</summary>
    public abstract ScalarType AngleType(ScalarType dtype);

    /// <summary>The kernels, or null.</summary>
    public virtual KernelModule? Kernels => null;

    /// <summary>RMSNorm (Zhang and Sennrich, arXiv 1910.07467): w x / sqrt(mean(x^2) + eps), the mean in single precision. [N,
    /// D].</summary>
    public abstract Tensor Norm(Tensor x, Tensor weight, double epsilon);

    /// <summary>Backward of <see cref="Norm"/>.</summary>
    /// <param name="dy">dL/dy, [N, D].</param>
    /// <param name="x">The input, [N, D].</param>
    /// <param name="weight">w, [D].</param>
    /// <param name="epsilon">As in forward.</param>
    /// <param name="around">What is added to dL/dx, [N, D]: the gradient that goes around the norm; or null.</param>
    /// <param name="dw">Receives dL/dw, Float32, [D].</param>
    /// <returns>dL/dx.</returns>
    public abstract Tensor NormBackward(Tensor dy, Tensor x, Tensor weight, double epsilon, Tensor? around, out Tensor dw);

    /// <summary>Rotary embedding in place, rotate-half form: (a, b) becomes (a cos - b sin, b cos + a sin).</summary>
    /// <param name="qkv">Queries, keys and values side by side, [N, (H + 2K) E].</param>
    /// <param name="angles">The rows' angles.</param>
    /// <param name="heads">How many heads at the beginning of a row are rotated.</param>
    /// <param name="back">Whether to rotate back: the gradient's way.</param>
    public abstract void Rotate(Tensor qkv, Rotary angles, int heads, bool back);

    /// <summary>Attention over two sets of keys from that over each: o = sum of o_i exp(l_i - l), l = log(exp l_1 + exp l_2). In
    /// place.</summary>
    /// <param name="output">Results of all rows for their first keys, [N, H, E]; replaced from a row on.</param>
    /// <param name="logSums">Their log sums, [H, N]; likewise.</param>
    /// <param name="other">Results for the second keys, [n, H, E].</param>
    /// <param name="otherSums">Their log sums, [H, n].</param>
    /// <param name="start">The first row that has second keys.</param>
    public virtual void MergeAttention(Tensor output, Tensor logSums, Tensor other, Tensor otherSums, int start)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor first = output.narrow(0, start, other.shape[0]), sums = logSums.narrow(1, start, other.shape[0]);
        Tensor merged = sums.logaddexp(otherSums);
        Tensor share = sums.sub(merged).exp_().t().unsqueeze(2), otherShare = otherSums.sub(merged).exp_().t().unsqueeze(2); // [n, H, 1]
        // to() may be other itself: not in place
        first.copy_((first.to(ScalarType.Float32) * share).add_(other.to(ScalarType.Float32) * otherShare));
        sums.copy_(merged);
    }

    /// <summary>Gradients of queries, keys and values side by side, rotated back, [N, (H + 2K) E].</summary>
    /// <param name="own">Those of the rows' own sequences, [N, *, E].</param>
    /// <param name="prompts">Those of attention to shared prompts: of queries from a row on, and of keys and values from row 0 on; or
    /// null.</param>
    /// <param name="angles">The rows' angles.</param>
    /// <param name="start">The first query that attends to a shared prompt.</param>
    public virtual Tensor CollectAttention((Tensor Q, Tensor K, Tensor V) own, (Tensor Q, Tensor K, Tensor V)? prompts, Rotary angles,
        int start)
    {
        using DisposeScope scope = NewDisposeScope();
        if (prompts is { } other)
        {
            own.Q.narrow(0, start, other.Q.shape[0]).add_(other.Q);
            own.K.narrow(0, 0, other.K.shape[0]).add_(other.K);
            own.V.narrow(0, 0, other.V.shape[0]).add_(other.V);
        }

        Tensor all = cat([own.Q, own.K, own.V], 1);
        Tensor flat = all.view(all.shape[0], -1);
        Rotate(flat, angles, (int)(own.Q.shape[1] + own.K.shape[1]), back: true);
        return scope.MoveToOuter(flat);
    }

    /// <summary>SwiGLU: silu(gate) up, of gate and up side by side, [N, 2F]. Returns [N, F].</summary>
    public abstract Tensor Gate(Tensor gateUp);

    /// <summary>Backward of <see cref="Gate"/>.</summary>
    /// <param name="gateUp">The input, [N, 2F].</param>
    /// <param name="ds">dL/d(output), [N, F].</param>
    /// <param name="product">Receives the output once more, [N, F].</param>
    /// <returns>dL/d(input), [N, 2F].</returns>
    public abstract Tensor GateBackward(Tensor gateUp, Tensor ds, out Tensor product);

    /// <summary>Log-probabilities of a chunk's pairs from its logits, [U, V].</summary>
    /// <param name="logits">Logits of the model's type.</param>
    /// <param name="pairs">The pairs.</param>
    /// <param name="logSums">Receives log sum exp of every row, Float32, [U].</param>
    /// <param name="values">Receives the log-probabilities, Float32, at the chunk's pairs among all.</param>
    public abstract void LogProbs(Tensor logits, PairRows pairs, Tensor logSums, Tensor values);

    /// <summary>Backward of <see cref="LogProbs"/>, in place of the logits where possible.</summary>
    /// <param name="logits">The logits once more.</param>
    /// <param name="pairs">The pairs.</param>
    /// <param name="logSums">From forward.</param>
    /// <param name="gradients">dL/d(log-probability) of all pairs, Float32.</param>
    /// <param name="totals">Their sums over each row, Float32, [U].</param>
    /// <returns>dL/d(logits), of the model's type.</returns>
    public abstract Tensor LogProbsBackward(Tensor logits, PairRows pairs, Tensor logSums, Tensor gradients, Tensor totals);

    /// <summary>Whether a bf16 weight's lower 16 bits are kept beside it, instead of a master copy in single precision.</summary>
    public abstract bool SplitsWeights { get; }

    /// <summary>Rounds single-precision weights to bf16 and keeps the lower bits, all [n].</summary>
    public abstract void Split(Tensor weights, Tensor upper, Tensor lower);

    /// <summary>The weights that <see cref="Split"/> took apart, exactly, Float32.</summary>
    public abstract Tensor Join(Tensor upper, Tensor lower);

    /// <summary>One step of AdamW in place.</summary>
    public abstract void AdamW(in AdamWTensors tensors, in AdamWNumbers numbers);

    /// <summary>One step of AdamW in place, with moments of a byte each; here by <see cref="AdamW"/>, some blocks at a time.</summary>
    /// <param name="moved">What moves, flat.</param>
    /// <param name="moments">The moments.</param>
    /// <param name="numbers">The step's numbers.</param>
    public virtual void CompactAdamW(MovedTensors moved, CompactPart moments, in AdamWNumbers numbers)
    {
        const long Most = 1L << 20;
        long all = moments.First.Count;
        for (long start = 0; start < all; start += Most)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(Most, all - start);
            MovedTensors part = moved.Range(start, count);
            Tensor first = moments.First.Read(start, count), second = moments.Root.Read(start, count).square();
            AdamW(new AdamWTensors(part.Weights, part.Lower, part.Master, part.Gradient, first, second), numbers);
            moments.First.Write(start, first, numbers.Noise, 0);
            moments.Root.Write(start, second.sqrt_(), numbers.Noise, 16);
        }
    }

    /// <summary>The numbers of packed weights.</summary>
    /// <param name="codes">The packed weights, which are whole rows.</param>
    /// <param name="target">Receives them from a row on, [rows, columns].</param>
    /// <param name="row">The row.</param>
    public virtual void Unpack(Nf4Codes codes, Tensor target, long row)
    {
        using DisposeScope scope = NewDisposeScope();
        codes.ReadTo(target.view(-1).narrow(0, row * target.shape[1], codes.Count));
    }

    /// <summary>Sum of squares of all elements of all tensors.</summary>
    public double SumOfSquares(IReadOnlyList<Tensor> tensors)
    {
        if (tensors.Count == 0)
            return 0;
        using DisposeScope scope = NewDisposeScope();
        return Link.ReadOne<double>(Squares(tensors).sum());
    }

    /// <summary>Sum of squares of each tensor by itself, in one copy; 0 of one that is null.</summary>
    public double[] SumsOfSquares(IReadOnlyList<Tensor?> tensors)
    {
        var sums = new double[tensors.Count];
        int[] there = [.. Enumerable.Range(0, tensors.Count).Where(t => tensors[t] is not null)];
        if (there.Length == 0)
            return sums;
        using DisposeScope scope = NewDisposeScope();
        double[] read = Link.Read<double>(stack(there.Select(t => Squares([tensors[t]!]).sum())));
        for (int i = 0; i < there.Length; i++)
            sums[there[i]] = read[i];
        return sums;
    }

    /// <summary>What is to be summed up for <see cref="SumOfSquares"/>, as many numbers a tensor whatever the tensors: Float64, on the
    /// device, in the caller's scope.</summary>
    /// <param name="tensors">At least one.</param>
    public abstract Tensor Squares(IReadOnlyList<Tensor> tensors);

    public virtual void Dispose()
    {
    }
}

/// <summary>The heads of a model.</summary>
/// <param name="Heads">Query heads, H.</param>
/// <param name="KeyHeads">Key and value heads, K.</param>
/// <param name="Width">Width of a head, E.</param>
internal readonly record struct HeadShape(int Heads, int KeyHeads, int Width)
{
    /// <summary>Query heads that share a key head.</summary>
    public int Fold => Heads / KeyHeads;
}

/// <summary>Which tokens a chunk of rows predicts; its pairs are a range of all pairs.</summary>
/// <param name="Starts">Where each row's pairs begin among all, and the end, Int32, [U + 1].</param>
/// <param name="Tokens">The tokens of all pairs, Int32; those of a row differ.</param>
/// <param name="First">The chunk's first pair.</param>
/// <param name="Rows">Row in the chunk of each of its pairs, Int64; of the chunk alone.</param>
internal readonly record struct PairRows(Tensor Starts, Tensor Tokens, long First, Tensor Rows);

/// <summary>What a step of AdamW moves: contiguous tensors of one shape.</summary>
/// <param name="Weights">The weights, of the model's type.</param>
/// <param name="Lower">Their lower bits; null in single precision, and where <paramref name="Master"/> is given.</param>
/// <param name="Master">Single-precision weights; null when the weights are that themselves, or are split.</param>
/// <param name="Gradient">The gradient, BFloat16 or Float32; null is zero.</param>
/// <param name="Moment1">First moment, Float32.</param>
/// <param name="Moment2">Second moment, Float32.</param>
internal readonly record struct AdamWTensors(Tensor Weights, Tensor? Lower, Tensor? Master, Tensor? Gradient, Tensor Moment1,
    Tensor Moment2);

/// <summary>The numbers of a step of AdamW.</summary>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
/// <param name="Decay">Factor on the weights, 1 - rate times weight decay.</param>
/// <param name="Rate">Learning rate over 1 - Beta1^t.</param>
/// <param name="Correction">sqrt(1 - Beta2^t).</param>
/// <param name="Scale">Factor on the gradient.</param>
/// <param name="Noise">Seed of the rounding of moments of a byte each.</param>
internal readonly record struct AdamWNumbers(double Beta1, double Beta2, double Epsilon, double Decay, double Rate, double Correction,
    double Scale, uint Noise = 0);
