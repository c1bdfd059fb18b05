using System.Runtime.CompilerServices;
using Tuna.Llama.Tensors;
using Tuna.Llama.Tensors.Cuda;
using Tuna.Losses;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama.Tests;

/// <summary>Each kernel against the plain operation beside it, on a GPU; skipped where there is none.</summary>
[Trait("Category", "Gpu")]
public class KernelTests
{
    [SkippableTheory]
    [InlineData(80)]
    [InlineData(90)]
    [InlineData(120)]
    public void Compile_ForEveryGpuGeneration_Succeeds(int capability)
    {
        Skip.IfNot(Nvrtc.IsAvailable, "Needs NVRTC, which comes with libtorch's CUDA packages.");
        Skip.IfNot(Nvrtc.Capabilities().Contains(capability), $"This NVRTC is older than GPUs of capability {capability / 10}.");
        foreach (string[] defines in new[] { ["HEAD=64", "FOLD=8", "BF16"], new[] { "HEAD=10", "FOLD=2" } })
            Assert.NotEmpty(Nvrtc.Compile(KernelModule.Source(CudaOperations.Sources), capability, defines));
    }

    [SkippableTheory]
    [InlineData(ScalarType.Float32, 64, 48)]
    [InlineData(ScalarType.Float32, 41, 13)]
    [InlineData(ScalarType.BFloat16, 2048, 5632)]
    public void LayerOperations_OnCuda_AreThePlainOnes(ScalarType dtype, int d, int f)
    {
        using DisposeScope scope = NewDisposeScope();
        using Operations own = Kernels(dtype);
        using var plain = new PlainOperations();
        const int N = 37;
        Tensor x = Random(dtype, N, d), w = Random(dtype, d), dy = Random(dtype, N, d), around = Random(dtype, N, d),
            gu = Random(dtype, N, 2 * f), ds = Random(dtype, N, f);
        Close(plain.Norm(x, w, 1e-5), own.Norm(x, w, 1e-5));
        foreach (Tensor? base1 in new[] { around, null })
        {
            Close(plain.NormBackward(dy, x, w, 1e-5, base1, out Tensor expected),
                own.NormBackward(dy, x, w, 1e-5, base1, out Tensor actual));
            Close(expected, actual);
        }

        Close(plain.Gate(gu), own.Gate(gu));
        Close(plain.GateBackward(gu, ds, out Tensor product), own.GateBackward(gu, ds, out Tensor again));
        Close(product, again);
        Tensor first = Random(dtype, N, 9 * 10), second = first.clone();
        var positions = Enumerable.Range(5, N).ToArray();
        using Rotary angles = Rotary.Of(new RotaryFrequencies([1, 0.5, 0.1, 0.01, 0.001], 1), positions, CUDA, ScalarType.Float32,
            new HostLink());
        foreach (bool back in new[] { false, true })
        {
            plain.Rotate(first, angles, 6, back);
            own.Rotate(second, angles, 6, back);
            Close(first, second);
        }
    }

    [SkippableTheory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void AttentionsSeams_OnCuda_AreThePlainOnes(ScalarType dtype)
    {
        using DisposeScope scope = NewDisposeScope();
        using Operations own = Kernels(dtype);
        Operations plain = new PlainOperations();
        const int N = 21, Start = 9, Count = 8, Keys = 9;
        Tensor o1 = Random(dtype, N, 4, 10), l1 = Random(ScalarType.Float32, 4, N), o2 = Random(dtype, Count, 4, 10),
            l2 = Random(ScalarType.Float32, 4, Count);
        Tensor o3 = o1.clone(), l3 = l1.clone();
        plain.MergeAttention(o1, l1, o2, l2, Start);
        own.MergeAttention(o3, l3, o2, l2, Start);
        Close(o1, o3);
        Close(l1, l3);
        (Tensor, Tensor, Tensor) rows = (Random(dtype, N, 4, 10), Random(dtype, N, 2, 10), Random(dtype, N, 2, 10)),
            prompts = (Random(dtype, Count, 4, 10), Random(dtype, Keys, 2, 10), Random(dtype, Keys, 2, 10));
        using Rotary angles = Rotary.Of(new RotaryFrequencies([1, 0.5, 0.1, 0.01, 0.001], 1), [.. Enumerable.Range(0, N)], CUDA,
            ScalarType.Float32, new HostLink());
        Tensor alone = own.CollectAttention(rows, null, angles, 0), with = own.CollectAttention(rows, prompts, angles, Start);
        Close(plain.CollectAttention(rows, null, angles, 0), alone);
        Close(plain.CollectAttention(rows, prompts, angles, Start), with); // last: the plain one adds in place
    }

    [SkippableTheory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void LogProbs_OnCuda_AreThePlainOnes(ScalarType dtype)
    {
        using DisposeScope scope = NewDisposeScope();
        using Operations own = Kernels(dtype);
        using var plain = new PlainOperations();
        Tensor logits = Random(dtype, 3, 1000), again = logits.clone(), gradients = Random(ScalarType.Float32, 5);
        // Pairs 1 to 4 of five: rows 0, 0 and 2.
        var pairs = new PairRows(tensor(new[] { 1, 3, 3, 4 }, device: CUDA), tensor(new[] { 0, 5, 999, 11, 0 }, device: CUDA), 1,
            tensor(new long[] { 0, 0, 2 }, device: CUDA));
        Tensor totals = stack([gradients[1] + gradients[2], gradients[0] * 0, gradients[3]]);
        Tensor Values(Operations operations, out Tensor sums)
        {
            sums = empty([3], ScalarType.Float32, CUDA);
            Tensor values = zeros([5], ScalarType.Float32, CUDA);
            operations.LogProbs(logits, pairs, sums, values);
            return values;
        }

        Close(Values(plain, out Tensor expected), Values(own, out Tensor actual));
        Close(expected, actual);
        Close(plain.LogProbsBackward(logits, pairs, expected, gradients, totals),
            own.LogProbsBackward(again, pairs, actual, gradients, totals));
    }

    [SkippableFact]
    public void AdamW_OnCuda_IsThePlainOneAndKeepsLowerBits()
    {
        using DisposeScope scope = NewDisposeScope();
        using Operations own = Kernels(ScalarType.BFloat16), single = Kernels(ScalarType.Float32);
        using var plain = new PlainOperations();
        const int N = 3000;
        Tensor w = Random(ScalarType.Float32, N), g = Random(ScalarType.Float32, N), m = Random(ScalarType.Float32, N),
            v = Random(ScalarType.Float32, N).square();
        var numbers = new AdamWNumbers(0.9, 0.95, 1e-8, 0.999, 1e-3, 0.3, 0.5);
        Tensor upper = empty([N], ScalarType.BFloat16, CUDA), lower = empty([N], ScalarType.Int16, CUDA), copy = w.clone();
        own.Split(w, upper, lower);
        Assert.True(own.Join(upper, lower).equal(w).all().cpu().item<bool>());
        own.AdamW(new AdamWTensors(upper, lower, null, g, m.clone(), v.clone()), numbers);
        single.AdamW(new AdamWTensors(copy, null, null, g, m.clone(), v.clone()), numbers);
        plain.AdamW(new AdamWTensors(w, null, null, g, m.clone(), v.clone()), numbers);
        Close(w, copy);
        Close(w, own.Join(upper, lower));
        Assert.Equal(plain.SumOfSquares([g, v]), own.SumOfSquares([g, v]), 1e-2);
    }

    [SkippableTheory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void CompactAdamW_OnCuda_IsThePlainOne(ScalarType dtype)
    {
        using DisposeScope scope = NewDisposeScope();
        using Operations own = Kernels(dtype);
        using var plain = new PlainOperations();
        const int N = 5000;
        Tensor w = Random(ScalarType.Float32, N), upper = empty([N], ScalarType.BFloat16, CUDA), lower = empty([N], ScalarType.Int16, CUDA),
            copy = empty_like(w);
        using CompactPart expected = new(N, CUDA), actual = new(N, CUDA);
        for (int step = 1; step <= 4; step++)
        {
            // Both begin every step at the same place: what a rounding decides otherwise does not grow.
            Tensor before = w.clone();
            own.Split(w, upper, lower);
            copy.copy_(w);
            Copy(expected.First, actual.First);
            Copy(expected.Root, actual.Root);
            Tensor g = Random(ScalarType.Float32, N, step).select(1, 0).pow(3).contiguous().to(dtype);
            var numbers = new AdamWNumbers(0.9, 0.95, 1e-8, 0.999, 1e-3, 0.3, 0.5, BlockCodes.NoiseOf(step));
            plain.CompactAdamW(new MovedTensors(w, null, null, g.to(ScalarType.Float32)), expected, numbers);
            own.CompactAdamW(dtype == ScalarType.BFloat16
                ? new MovedTensors(upper, lower, null, g) : new MovedTensors(copy, null, null, g), actual, numbers);
            // of a way of 1e-4 or so, single precision at 1 keeps three digits
            Close(w - before, (dtype == ScalarType.BFloat16 ? own.Join(upper, lower) : copy) - before, 1e-3,
                $"way of the weights, step {step}");
            SameNumbers(expected.First, actual.First, $"first moment, step {step}");
            SameNumbers(expected.Root, actual.Root, $"root of the second moment, step {step}");
        }
    }

    private static void Copy(BlockCodes from, BlockCodes to)
    {
        to.Codes.copy_(from.Codes);
        to.Scales.copy_(from.Scales);
    }

    /// <summary>
    /// The same scales and codes, but for a code beside the other here and there: a number whose last bit differs may stand on the other
    /// side of the noise, once in 100,000 (1e-7 of its size over steps of 1e-2). Codes beyond the last number, which fill its block up,
    /// mean nothing.
    /// </summary>
    private static void SameNumbers(BlockCodes expected, BlockCodes actual, string what)
    {
        Close(expected.Scales, actual.Scales, 1e-6, what + ", scales");
        byte[] a = Codes(expected), b = Codes(actual);
        int[] differing = [.. Enumerable.Range(0, a.Length).Where(i => a[i] != b[i])];
        int most = Math.Max(2, a.Length / 1000), farthest = differing.Select(i => Math.Abs(a[i] - b[i])).Append(0).Max();
        string first = string.Join("; ", differing.Take(8).Select(i => $"[{i}] {a[i]} and {b[i]}"));
        Assert.True(differing.Length <= most && farthest <= 1,
            $"{what}: {differing.Length} of {a.Length} codes differ, at most {most} may; by up to {farthest} levels, 1 may be: {first}");

        static byte[] Codes(BlockCodes codes) => codes.Codes.narrow(0, 0, codes.Count).cpu().data<byte>().ToArray();
    }

    [SkippableTheory]
    [InlineData(ScalarType.Float32, 64)]
    [InlineData(ScalarType.BFloat16, 4096)]
    [InlineData(ScalarType.BFloat16, 41)]
    public void Unpack_OnCuda_HasThePlainBits(ScalarType dtype, int columns)
    {
        using DisposeScope scope = NewDisposeScope();
        using Operations own = Kernels(dtype);
        using var plain = new PlainOperations();
        const int Rows = 300, First = 8;
        using Nf4Codes codes = new((long)Rows * columns, CUDA), there = new((long)Rows * columns, CPU);
        Tensor values = Random(ScalarType.Float32, Rows, columns), expected = zeros([Rows + First, columns], dtype, CUDA),
            actual = zeros_like(expected);
        codes.Write(values);
        there.Write(values.cpu());
        Assert.Equal(there.Codes.data<byte>().ToArray(), codes.Codes.cpu().data<byte>().ToArray());
        plain.Unpack(codes, expected, First);
        own.Unpack(codes, actual, First);
        Assert.Equal(0, expected.ne(actual).sum().item<long>());
        Close(values, expected.narrow(0, First, Rows).to(ScalarType.Float32), 0.1, "unpacked numbers"); // 4 bits
    }

    [SkippableFact]
    public void Train_InFourBitsOnCuda_FollowsTheCpu()
    {
        RequireGpu();
        TokenGroup[] groups = Batches.Random(3, 4, 97);
        Dictionary<string, float[]> Run(string device)
        {
            using LlamaPolicy policy =
                Tiny.Policy(new() { Device = device, ComputeType = TensorDType.F32, Lora = Tiny.Lora, BaseWeights = WeightPrecision.Nf4 });
            Batches.Train(policy, Tiny.Loss, groups, 1, 1e-2);
            Batches.Accumulate(policy, Tiny.Loss, groups);
            return Tiny.Gradients(policy);
        }

        Tiny.AssertClose(Run("cpu"), Run("cuda"), 5e-3); // a first AdamW step is a sign, which magnifies rounding
    }

    [SkippableFact]
    public void Train_Bf16WithFlashAttentionOnCuda_HasThePlainGradients()
    {
        LlamaConfig config = Tiny.Config with { HeadDimension = 16, HiddenSize = 64 };
        // and two of one response alone
        TokenGroup[] groups = [.. Batches.Random(3, 4, 97),
            .. Batches.Random(2, 1, 97, 5).Select(x => new TokenGroup(x.Id, x.Prompt, [], default, x.Responses[0]))];
        RequireGpu();
        // A smooth loss: with a margin, a rounding could move a pair across it.
        var loss = new MaximumLikelihoodLoss(MaximumLikelihoodTarget.AllResponses);
        Dictionary<string, float[]> Run(string device, TensorDType type, ActivationMode mode)
        {
            using LlamaPolicy policy = LlamaPolicy.Create(config, new() { Device = device, ComputeType = type, Activations = mode });
            Batches.Accumulate(policy, loss, groups);
            return Tiny.Gradients(policy);
        }

        Dictionary<string, float[]> exact = Run("cpu", TensorDType.F32, ActivationMode.Keep),
            rounded = Run("cpu", TensorDType.BF16, ActivationMode.Keep);
        foreach (ActivationMode mode in new[] { ActivationMode.Keep, ActivationMode.Recompute })
        {
            Dictionary<string, float[]> actual = Run("cuda", TensorDType.BF16, mode);
            foreach (string name in exact.Keys)
            {
                double plain = Distance(exact[name], rounded[name]), own = Distance(exact[name], actual[name]);
                Assert.True(own <= (1.5 * plain) + 0.01, $"{name}, {mode}: relative distance {own}; of plain bf16 {plain}");
            }
        }
    }

    [SkippableFact]
    public void Sample_OnCuda_DrawsTheCpusTokensWhateverIsBeside()
    {
        RequireGpu();
        SamplingRequest Request(int prompt, ulong seed, int count) => new()
        {
            Prompt = Enumerable.Range(3, prompt).ToArray(),
            Count = count,
            MaxNewTokens = 20,
            Seed = seed,
            StopTokens = [2, 50],
        };
        SamplingRequest[] requests =
            [Request(4, 7, 3), Request(9, 8, 2) with { TopK = 10 }, Request(2, 9, 3) with { TopP = 0.7, Temperature = 0.8 },
            Request(5, 1, 1) with { Temperature = 0 }];
        string[] Run(string device, int batch)
        {
            using LlamaPolicy policy = Tiny.Policy(new() { Device = device, ComputeType = TensorDType.F32, MaxSampleBatch = batch });
            return [.. policy.Sample(requests).SelectMany(r => r).Select(s => string.Join(',', s.Tokens))];
        }

        string[] expected = Run("cpu", 64);
        Assert.Equal(expected, Run("cuda", 64));
        Assert.Equal(expected, Run("cuda", 3));
    }

    /// <summary>The host looks at eight tokens at once, and sends nothing between two looks, so that it can run ahead.</summary>
    [SkippableFact]
    public void Sample_OnCuda_CopiesOnceInEightTokens()
    {
        RequireGpu();
        using LlamaPolicy policy = Tiny.Policy(new() { Device = "cuda", Trainable = false });
        HostLink link = policy.Backbone.Parts.Operations.Link;
        (long Reads, long Writes) Run(int tokens)
        {
            (long reads, long writes) = (link.Reads, link.Writes);
            policy.Sample([new() { Prompt = new[] { 3, 4 }, Count = 4, MaxNewTokens = tokens, Seed = 1, StopTokens = [] }]);
            return (link.Reads - reads, link.Writes - writes);
        }

        Assert.Equal(1, Run(1).Reads);      // the prompt's pass draws the first
        Assert.Equal(1 + 5, Run(41).Reads); // and every look brings eight
        Assert.Equal(Run(2).Writes, Run(9).Writes);
    }

    // |a - b| / |a|
    private static double Distance(float[] a, float[] b) =>
        Math.Sqrt(a.Zip(b, (x, y) => ((double)x - y) * ((double)x - y)).Sum() / a.Sum(x => (double)x * x));

    private static void RequireGpu() =>
        Skip.IfNot(cuda.is_available(), "Needs an NVIDIA GPU and TorchSharp-cuda-linux or TorchSharp-cuda-windows.");

    private static CudaOperations Kernels(ScalarType dtype)
    {
        RequireGpu();
        return CudaOperations.Create(CUDA, dtype, new HeadShape(4, 2, 10));
    }

    private static Tensor Random(ScalarType dtype, params long[] shape)
    {
        using var generator = new Generator((ulong)shape.Sum());
        return randn(shape, ScalarType.Float32, CPU, generator: generator).to(CUDA).to(dtype);
    }

    // Two roundings to bf16 beside each other; single precision adds in another order.
    private static void Close(Tensor expected, Tensor actual, [CallerArgumentExpression(nameof(actual))] string what = "") =>
        Close(expected, actual, expected.dtype == ScalarType.BFloat16 ? 1e-2 : 1e-5, what);

    private static void Close(Tensor expected, Tensor actual, double tolerance, string what)
    {
        Assert.Equal(expected.dtype, actual.dtype);
        using DisposeScope scope = NewDisposeScope();
        Tensor wide = expected.to(ScalarType.Float64).flatten(), apart = (actual.to(ScalarType.Float64).flatten() - wide).abs();
        double error = apart.norm().item<double>() / wide.norm().item<double>();
        long worst = apart.argmax().item<long>();
        Assert.True(error <= tolerance,
            $"{what}: relative distance {error}, at most {tolerance}; farthest at [{worst}]: {wide[worst].item<double>()} and "
            + $"{actual.flatten()[worst].to(ScalarType.Float64).item<double>()}");
    }
}
