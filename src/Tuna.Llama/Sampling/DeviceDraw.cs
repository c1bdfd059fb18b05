using Tuna.Llama.Tensors;
using Tuna.Llama.Tensors.Cuda;
using Tuna.Models.Sampling;
using Tuna.Numerics;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama.Sampling;

/// <summary>On the device, with a kernel: the host gets token ids and log-probabilities, several steps at once in one copy, and never waits
/// in between.</summary>
/// <param name="kernels">The kernels.</param>
/// <param name="link">How they cross.</param>
/// <param name="device">Where the logits are.</param>
/// <param name="steps">Steps between two looks of the host.</param>
internal sealed class DeviceDraw(KernelModule kernels, HostLink link, Device device, int steps) : ITokenDraw
{
    private IReadOnlyList<SampleState> _samples = [];
    private Tensor? _keys;    // noise of each step and sample, Int64, [steps, S]
    private Tensor? _inverse; // 1 / T, 0 for the largest logit, Float64, [S]
    private Tensor? _row;     // row of each sample's logits, Int32, [S]
    private Tensor? _drawn;   // tokens, and log-probabilities as the bits of doubles, Int64, [2, steps, S]
    private Cutoff? _cutoff;
    private int _step;

    public int StepsAhead => steps;

    public void Begin(IReadOnlyList<SampleState> samples, int[] rows, int steps)
    {
        _samples = samples;
        _step = 0;
        var keys = new long[steps * samples.Count];
        for (int t = 0; t < steps; t++)
        {
            for (int s = 0; s < samples.Count; s++)
                keys[(t * samples.Count) + s] = (long)samples[s].NoiseKey(samples[s].Tokens.Count + t);
        }

        using DisposeScope scope = NewDisposeScope();
        _row = scope.Detach(link.Write(rows, device));
        _keys = scope.Detach(link.Write(keys, device).view(steps, samples.Count));
        _inverse = scope.Detach(link.Write(samples.Select(s => Inverse(s.Request)).ToArray(), device));
        _drawn = scope.Detach(empty([2, steps, samples.Count], ScalarType.Int64, device));
        _cutoff = samples.Any(s => s.Request.Temperature > 0 && (s.Request.TopK > 0 || s.Request.TopP < 1))
            ? new Cutoff(samples, link, device) : null;
    }

    private static double Inverse(SamplingRequest request) =>
        request.Temperature == 0 ? 0 : Math.Min(1 / request.Temperature, GumbelNoise.LargestInverseTemperature);

    public Tensor Draw(Tensor logits)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor keys = _keys!.select(0, _step), tokens = scope.MoveToOuter(_drawn!.select(0, 0).select(0, _step));
        Tensor logs = _drawn.select(0, 1).select(0, _step); // the kernel writes doubles there
        (Tensor Least, Tensor Last)? bounds = _cutoff?.Bounds(logits.index_select(0, _row!), _inverse!);
        kernels.Launch(
            "draw", (_samples.Count, 1), 1024, 0,
            Argument.Of(logits), Argument.Of(_row), Argument.Of(keys), Argument.Of(_inverse), Argument.Of(bounds?.Least),
                Argument.Of(bounds?.Last), Argument.Of(tokens), Argument.Of(logs), Argument.Of((int)logits.shape[1]));
        _step++;
        return tokens;
    }

    public void End()
    {
        long[] drawn = link.Read<long>(_drawn!);
        int count = drawn.Length / 2;
        for (int i = 0; i < count; i++)
            _samples[i % _samples.Count].Add((int)drawn[i], BitConverter.Int64BitsToDouble(drawn[count + i]));
        Free();
    }

    private void Free()
    {
        _keys?.Dispose();
        _inverse?.Dispose();
        _row?.Dispose();
        _drawn?.Dispose();
        _cutoff?.Dispose();
        (_keys, _inverse, _row, _drawn, _cutoff) = (null, null, null, null, null);
    }

    public void Dispose() => Free();
}

/// <summary>What <see cref="TokenCutoff"/> leaves, on the device: tokens ranked by logit, among equals by id; the k likeliest; of those the
/// nucleus.</summary>
internal sealed class Cutoff : IDisposable
{
    private readonly Tensor _topK; // Int64, [S, 1]; a large number for all
    private readonly Tensor _topP; // Float64, [S, 1]

    public Cutoff(IReadOnlyList<SampleState> samples, HostLink link, Device device)
    {
        using DisposeScope scope = NewDisposeScope();
        int[] most = [.. samples.Select(s => s.Request is { TopK: > 0, Temperature: > 0 } ? s.Request.TopK : int.MaxValue)];
        double[] nucleus = [.. samples.Select(s => s.Request.Temperature > 0 ? s.Request.TopP : 1)];
        _topK = scope.Detach(link.WriteIndices(most, device).unsqueeze(1));
        _topP = scope.Detach(link.Write(nucleus, device).unsqueeze(1));
    }

    /// <summary>The last token that is left, by rank.</summary>
    /// <param name="logits">[S, V].</param>
    /// <param name="inverse">1 / T, Float64, [S].</param>
    /// <returns>Its logit, Float32, [S], and id, Int32, [S].</returns>
    public (Tensor Least, Tensor Last) Bounds(Tensor logits, Tensor inverse)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor sorted, Tensor ids) = logits.to(ScalarType.Float32).sort(1, descending: true, stable: true);
        Tensor weights = sorted.sub(sorted.narrow(1, 0, 1)).mul_(inverse.to(ScalarType.Float32).unsqueeze(1)).exp_().to(ScalarType.Float64);
        Tensor rank = arange(logits.shape[1], ScalarType.Int64, logits.device).unsqueeze(0);
        weights.mul_(rank.lt(_topK)); // what is not among the k likeliest weighs nothing
        Tensor before = weights.cumsum(1).sub_(weights), total = weights.sum(1, keepdim: true);
        // A token is left while what is before it weighs less than the nucleus; the likeliest always is.
        Tensor size = before.lt(total * _topP).logical_and_(rank.lt(_topK)).sum(1, keepdim: true).clamp_(min: 1).sub_(1);
        return (scope.MoveToOuter(sorted.gather(1, size).squeeze(1)),
            scope.MoveToOuter(ids.gather(1, size).squeeze(1).to(ScalarType.Int32)));
    }

    public void Dispose()
    {
        _topK.Dispose();
        _topP.Dispose();
    }
}
