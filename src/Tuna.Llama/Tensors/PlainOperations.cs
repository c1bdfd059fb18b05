using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>With libtorch's operations: the reference, and what runs where there are no kernels.</summary>
internal sealed class PlainOperations : Operations
{
    public override bool SplitsWeights => false;

    public override ScalarType AngleType(ScalarType dtype) => dtype;

    public override Tensor Norm(Tensor x, Tensor weight, double epsilon)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor wide = x.to(ScalarType.Float32);
        return scope.MoveToOuter((wide * Scale(wide, epsilon)).to(x.dtype).mul_(weight));
    }

    public override Tensor NormBackward(Tensor dy, Tensor x, Tensor weight, double epsilon, Tensor? around, out Tensor dw)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor wide = x.to(ScalarType.Float32), up = dy.to(ScalarType.Float32);
        Tensor scale = Scale(wide, epsilon), normal = wide * scale; // [N, 1], [N, D]
        dw = scope.MoveToOuter((up * normal).sum(dim: 0));
        Tensor inner = up * weight.to(ScalarType.Float32);
        Tensor share = (inner * normal).mean([1], keepdim: true); // [N, 1]
        Tensor dx = inner.sub_(normal.mul_(share)).mul_(scale);
        return scope.MoveToOuter(around is null ? dx.to(x.dtype) : dx.add_(around).to(x.dtype));
    }

    private static Tensor Scale(Tensor wide, double epsilon) => wide.square().mean([-1], keepdim: true).add_(epsilon).rsqrt_();

    public override void Rotate(Tensor qkv, Rotary angles, int heads, bool back)
    {
        using DisposeScope scope = NewDisposeScope();
        long half = angles.Cos.shape[1];
        Tensor x = qkv.narrow(1, 0, heads * 2 * half).view(qkv.shape[0], heads, 2 * half);
        Tensor a = x.narrow(2, 0, half), b = x.narrow(2, half, half), cos = angles.Cos.unsqueeze(1), sin = angles.Sin.unsqueeze(1);
        if (back)
            sin = sin.neg();
        Tensor first = (a * cos).sub_(b * sin), second = (b * cos).add_(a * sin);
        a.copy_(first);
        b.copy_(second);
    }

    public override Tensor Gate(Tensor gateUp)
    {
        using DisposeScope scope = NewDisposeScope();
        long f = gateUp.shape[1] / 2;
        return scope.MoveToOuter(nn.functional.silu(gateUp.narrow(1, 0, f)).mul_(gateUp.narrow(1, f, f)));
    }

    public override Tensor GateBackward(Tensor gateUp, Tensor ds, out Tensor product)
    {
        using DisposeScope scope = NewDisposeScope();
        long f = gateUp.shape[1] / 2;
        Tensor gate = gateUp.narrow(1, 0, f).to(ScalarType.Float32), up = gateUp.narrow(1, f, f);
        Tensor sigmoid = gate.sigmoid(), wide = gate * sigmoid, silu = wide.to(ds.dtype);
        product = scope.MoveToOuter(silu * up);
        Tensor result = empty_like(gateUp);
        result.narrow(1, f, f).copy_(ds).mul_(silu);
        // d silu / d gate = sigmoid (1 + gate - silu)
        result.narrow(1, 0, f).copy_(sigmoid.addcmul_(gate.sub(wide), sigmoid, 1)).mul_(up).mul_(ds);
        return scope.MoveToOuter(result);
    }

    public override void LogProbs(Tensor logits, PairRows pairs, Tensor logSums, Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor wide = logits.to(ScalarType.Float32), sums = wide.logsumexp(1);
        logSums.copy_(sums);
        if (pairs.Rows.numel() > 0)
            values.narrow(0, pairs.First,
                pairs.Rows.numel()).copy_(wide.view(-1).index_select(0, Places(pairs, logits)).sub_(sums.index_select(0, pairs.Rows)));
    }

    public override Tensor LogProbsBackward(Tensor logits, PairRows pairs, Tensor logSums, Tensor gradients, Tensor totals)
    {
        using DisposeScope scope = NewDisposeScope();
        // softmax(z) times minus the row's gradient, in place of the logits
        Tensor z = logits.to(ScalarType.Float32);
        z.sub_(logSums.unsqueeze(1)).exp_().mul_(totals.neg().unsqueeze(1));
        if (pairs.Rows.numel() > 0)
            // every place occurs once: no two additions meet
            z.view(-1).index_add_(0, Places(pairs, logits), gradients.narrow(0, pairs.First, pairs.Rows.numel()), 1);
        return scope.MoveToOuter(logits.dtype == ScalarType.Float32 ? z.alias() : z.to(logits.dtype));
    }

    private static Tensor Places(PairRows pairs, Tensor logits) =>
        (pairs.Rows * logits.shape[1]).add_(pairs.Tokens.narrow(0, pairs.First, pairs.Rows.numel()));

    public override void Split(Tensor weights, Tensor upper, Tensor lower) =>
        throw new NotSupportedException("Plain operations keep a master copy.");

    public override Tensor Join(Tensor upper, Tensor lower) => throw new NotSupportedException("Plain operations keep a master copy.");

    public override void AdamW(in AdamWTensors tensors, in AdamWNumbers numbers)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor m, Tensor v, Tensor w) = (tensors.Moment1, tensors.Moment2, tensors.Master ?? tensors.Weights);
        if (numbers.Decay != 1)
            w.mul_(numbers.Decay);
        m.mul_(numbers.Beta1);
        v.mul_(numbers.Beta2);
        if (tensors.Gradient is { } g)
        {
            m.add_(g, (1 - numbers.Beta1) * numbers.Scale);
            v.addcmul_(g, g, (1 - numbers.Beta2) * numbers.Scale * numbers.Scale);
        }

        Tensor denominator = v.sqrt().div_(numbers.Correction).add_(numbers.Epsilon);
        w.addcdiv_(m, denominator, -numbers.Rate);
        if (tensors.Master is not null)
            tensors.Weights.copy_(w);
    }

    public override Tensor Squares(IReadOnlyList<Tensor> tensors)
    {
        using DisposeScope scope = NewDisposeScope();
        return scope.MoveToOuter(stack(tensors.Select(t => t.to(ScalarType.Float32).norm())).to(ScalarType.Float64).square());
    }
}
