using Tuna.Llama.Tensors;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama.Passes;

/// <summary>AdamW (Loshchilov and Hutter, arXiv 1711.05101) on single-precision weights.</summary>
/// <remarks>
/// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, w = w (1 - lr wd) - lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps), as PyTorch orders
/// it. TorchSharp's own AdamW keeps its moments in the parameter's type: with bf16 and a small learning rate most weights would never move.
/// </remarks>
internal static class AdamWOptimizer
{
    /// <summary>Takes a step and clears the gradients.</summary>
    /// <param name="parameters">What is trained.</param>
    /// <param name="copies">The group that it is trained in, which then receives the weights; null for this process alone.</param>
    /// <param name="step">The step.</param>
    /// <param name="norm">Norm of the accumulated gradient.</param>
    /// <exception cref="NonFiniteStepException">It would leave what is not finite; nothing was changed on any process.</exception>
    public static void Step(TrainingParameters parameters, Copies? copies, in AdamWStep step, double norm)
    {
        using IDisposable mode = no_grad();
        List<MovedRows> moves = Moves(parameters, step);
        moves.RemoveAll(move => !IsOwn(move.Weight));
        NonFiniteStepException? refusal = parameters.Guard.Check(moves, step, norm);
        if ((copies is null ? refusal : copies.Agreed(refusal)) is { } refused)
            throw refused;
        foreach (TrainedWeight weight in parameters.Weights.Where(IsOwn))
            weight.EnsureMoments(); // all of them before any weight moves: memory that runs out leaves the weights as they were
        foreach (MovedRows move in moves)
            move.Weight.Step(move.Row, move.Rows, move.Numbers(step));
        // A weight that no response has touched since the last step has gradient zero; its moments still decay.
        foreach (TrainedWeight weight in parameters.Weights.Where(IsOwn))
            weight.ClearGradient();
        copies?.GatherWeights();

        bool IsOwn(TrainedWeight weight) => copies?.IsOwn(weight) ?? true;
    }

    /// <summary>What a step moves, and memory for it, where it surely leaves everything finite; null where that has to be looked at in the
    /// gradients themselves.</summary>
    public static IReadOnlyList<MovedRows>? Prepare(TrainingParameters parameters, in AdamWStep step, double norm)
    {
        using IDisposable mode = no_grad();
        List<MovedRows> moves = Moves(parameters, step);
        if (!parameters.Guard.Proves(moves, step, norm))
            return null;
        foreach (TrainedWeight weight in parameters.Weights)
            weight.EnsureMoments();
        return moves;
    }

    /// <summary>Which rows move by which rule; parts that follow the same rule move together.</summary>
    private static List<MovedRows> Moves(TrainingParameters parameters, in AdamWStep step)
    {
        var moves = new List<MovedRows>();
        foreach (TrainedParameter p in parameters.List)
        {
            (double rate, double decay) =
                (step.LearningRate * (p.Group?.LearningRateFactor ?? 1), p.Group?.WeightDecay ?? step.Settings.WeightDecay);
            if (moves.Count > 0 && moves[^1] is { } last && last.Weight == p.Weight && last.Rate == rate && last.Decay == decay
                && last.Row + last.Rows == p.Row)
                moves[^1] = last with { Rows = last.Rows + p.Rows };
            else
                moves.Add(new(p.Weight, p.Row, p.Rows, rate, decay));
        }

        moves.RemoveAll(move => move.Rate == 0); // frozen
        return moves;
    }

    /// <summary>Global L2 norm of all gradients: one number crosses from the device, whatever the number of parameters.</summary>
    public static double GradientNorm(TrainingParameters parameters)
    {
        using IDisposable mode = no_grad();
        return Math.Sqrt(parameters.Operations.SumOfSquares([.. parameters.Weights.Select(w => w.Gradient).OfType<Tensor>()]));
    }
}

/// <summary>Rows of a weight that a step moves by one rule.</summary>
/// <param name="Weight">The weight.</param>
/// <param name="Row">The first row.</param>
/// <param name="Rows">How many.</param>
/// <param name="Rate">Learning rate.</param>
/// <param name="Decay">Weight decay.</param>
internal readonly record struct MovedRows(TrainedWeight Weight, long Row, long Rows, double Rate, double Decay)
{
    /// <summary>The rule as a step of its own.</summary>
    public AdamWStep Rule(in AdamWStep step) => step with { LearningRate = Rate, Settings = step.Settings with { WeightDecay = Decay } };

    /// <summary>The rule's numbers.</summary>
    public AdamWNumbers Numbers(in AdamWStep step)
    {
        AdamWSettings s = step.Settings;
        double correction1 = 1 - Math.Pow(s.Beta1, step.Step), correction2 = Math.Sqrt(1 - Math.Pow(s.Beta2, step.Step));
        return new(s.Beta1, s.Beta2, s.Epsilon, 1 - (Rate * Decay), Rate / correction1, correction2, step.GradientScale,
            BlockCodes.NoiseOf(step.Step));
    }
}
